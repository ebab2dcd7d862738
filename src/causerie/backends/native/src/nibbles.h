// Sums of products of codes of 4 bits with activations, over at most 32 inputs, and such codes unpacked for many rows.
//
// A machine whose product of bytes gives pairs in 16 bits adds them up there: a lane's sixteen products of at most 15 · 127
// are 30,480. They are widened once for all, and codes of sixteen inputs wait in registers while rows of activations take
// turns (NIBBLES_STAY), for their sums would not all fit. Other machines sum up in 32 bits as they multiply.
#pragma once
#include "simd_bytes.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// Sums begin with `start`, which a machine may also add in the end: both are told it.
#if defined(__AVX2__) && !defined(__AVX512F__) && !defined(__AVXVNNI__)
constexpr bool NIBBLES_STAY = true;
struct NibbleSums { __m256i low, high; };
static inline NibbleSums begin_nibbles(int32_t) { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
static inline NibbleSums add(NibbleSums a, NibbleSums b) { return {_mm256_add_epi16(a.low, b.low), _mm256_add_epi16(a.high, b.high)}; }
static inline NibbleSums dot4(NibbleSums acc, Bytes w, Bytes x) {
  return add(acc, {_mm256_maddubs_epi16(w.low, x.low), _mm256_maddubs_epi16(w.high, x.high)});
}
static inline i32x16 end_nibbles(NibbleSums acc, int32_t start) {
  const __m256i one = _mm256_set1_epi16(1);
  return add(i32x16{_mm256_madd_epi16(acc.low, one), _mm256_madd_epi16(acc.high, one)}, broadcast_int(start));
}
#else
constexpr bool NIBBLES_STAY = false;
using NibbleSums = i32x16;
static inline NibbleSums begin_nibbles(int32_t start) { return broadcast_int(start); }
static inline i32x16 end_nibbles(NibbleSums acc, int32_t) { return acc; }
#endif

// Codes of sixteen inputs of sixteen rows, `stride` bytes from eight inputs to the next.
struct Nibbles {
  Bytes fours[4];
};
static inline Nibbles load_nibbles(const uint8_t* body, int64_t stride) {
  const Bytes first = load_bytes(body), second = load_bytes(body + stride);
  return {{low_nibbles(first), high_nibbles(first), low_nibbles(second), high_nibbles(second)}};
}
static inline NibbleSums dot_nibbles(const Nibbles& codes, const int8_t* x) {
  NibbleSums sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = dot4(begin_nibbles(0), codes.fours[i], broadcast_four(x + 4 * i));
  return add(add(sums[0], sums[1]), add(sums[2], sums[3]));
}

}  // namespace
