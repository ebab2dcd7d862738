// Sixteen float lanes: the one vector that all kernels are written over. Every instruction set performs the same operations
// in the same order, each rounded once, so results are equal to the last bit (subnormals are flushed: see pool.cpp).
//
// `Pairs` are sixteen pairs of bfloat16. dot2(acc, w, x) = fma(w.even, x.even, fma(w.odd, x.odd, acc)): the order of
// vdpbf16ps, which flushes subnormals too (compared on Zen 5 over 25 million random lanes of all exponents: equal).
//
// max and min return the second operand when either is a NaN, as the x86 instructions do.
#pragma once
#include "kernels.h"
#include "numbers.h"

#if defined(__AVX512F__)
#include "simd_avx512.h"
#elif defined(__AVX2__)
#include "simd_avx2.h"
#elif defined(__ARM_NEON) && !defined(CAUSERIE_PLAIN)
#include "simd_neon.h"
#else
#include "simd_portable.h"
#endif

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

static inline f32x16 load_first(const float* from, int64_t count) {  // the other lanes are 0
  if (count >= 16) return load(from);
  alignas(64) float lanes[16] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = from[i];
  return load(lanes);
}

static inline void store_first(float* to, f32x16 value, int64_t count) {
  if (count >= 16) return store(to, value);
  alignas(64) float lanes[16];
  store(lanes, value);
  for (int64_t i = 0; i < count; ++i) to[i] = lanes[i];
}

static inline void store_first(uint16_t* to, f32x16 value, int64_t count) {  // rounded to bfloat16
  if (count >= 16) return store_bf16(to, value);
  alignas(64) float lanes[16];
  store(lanes, value);
  for (int64_t i = 0; i < count; ++i) to[i] = to_bf16(lanes[i]);
}

static inline Pairs keep_pairs(const Pairs& a, bool even, bool odd) {  // the others 0
#if defined(__AVX512BF16__)
  return {_mm512_and_si512(a.raw, _mm512_set1_epi32(int((odd ? 0xffff0000u : 0) | (even ? 0xffffu : 0))))};
#else
  return {even ? a.even : broadcast(0.0f), odd ? a.odd : broadcast(0.0f)};
#endif
}

}  // namespace
