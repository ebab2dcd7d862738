// Exact integer sums on the sixteen lanes: unsigned bytes of the cache times whole numbers of 16 bits, which stand for a
// query or for the weights of positions. Integers have no rounding, so every instruction set gives the same bits whatever
// way it takes: VNNI and Arm's dot products multiply the upper and the lower byte apart, AVX2 and others 16 bits at once.
//
// `Quads` are sixteen lanes of four bytes u, each meaning u - 128; `fours` are four whole numbers w, |w| <= WHOLE, that all
// lanes share; add_dot4 adds Σ u·w to Sums, and value(sums, Σ w) is Σ (u - 128)·w as a float, rounded once.
#pragma once
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int WHOLE = 127 * 256;  // both bytes of a number fit a signed byte
constexpr int FOURS = 8;          // bytes of four numbers as store_fours writes them

// a rounded to a whole number, ties to even, for |a| < 2^22.
static inline f32x16 rounded(f32x16 a) {
  const f32x16 shift = broadcast(12582912.0f);  // 1.5 · 2^23
  return sub(add(a, shift), shift);
}

#if defined(__AVX512VNNI__)
struct Quads { __m512i bytes; };
struct Sums { __m512i high, low; };
static inline Quads load_quads(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
static inline Sums no_sums() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
// Written out, since GCC 12 makes three instructions of the intrinsic: a load, the sum, and a copy of it.
static inline __m512i add_four(__m512i acc, const Quads& u, const int8_t* four) {
  using Four = int __attribute__((may_alias, aligned(1)));
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(u.bytes), "m"(*reinterpret_cast<const Four*>(four)));
  return acc;
}
static inline void add_dot4(Sums& acc, const Quads& u, const int8_t* four) {
  acc.high = add_four(acc.high, u, four);
  acc.low = add_four(acc.low, u, four + 4);
}
static inline f32x16 value(const Sums& sums, int total) {
  const __m512i all = _mm512_add_epi32(_mm512_slli_epi32(sums.high, 8), sums.low);
  return {_mm512_cvtepi32_ps(_mm512_sub_epi32(all, _mm512_set1_epi32(128 * total)))};
}
// Sixteen whole numbers as fours: each four's upper bytes, then its lower ones.
static inline void store_fours(int8_t* to, f32x16 whole) {
  const __m512i all = _mm512_cvtps_epi32(whole.v);
  const __m512i upper = _mm512_srai_epi32(_mm512_add_epi32(all, _mm512_set1_epi32(128)), 8);
  const __m128i high = _mm512_cvtepi32_epi8(upper), low = _mm512_cvtepi32_epi8(all);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi32(high, low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + 1, _mm_unpackhi_epi32(high, low));
}

#elif defined(__AVX2__)
struct Quads { __m256i even[2], odd[2]; };
struct Sums { __m256i low, high; };
static inline Quads load_quads(const uint8_t* p) {
  Quads u;
  for (int i = 0; i < 2; ++i) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p) + i);
    u.even[i] = _mm256_and_si256(bytes, _mm256_set1_epi16(255));
    u.odd[i] = _mm256_srli_epi16(bytes, 8);
  }
  return u;
}
static inline Sums no_sums() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
static inline void add_dot4(Sums& acc, const Quads& u, const int8_t* four) {
  int even, odd;
  __builtin_memcpy(&even, four, 4), __builtin_memcpy(&odd, four + 4, 4);
  const __m256i a = _mm256_set1_epi32(even), b = _mm256_set1_epi32(odd);
  acc.low = _mm256_add_epi32(acc.low, _mm256_add_epi32(_mm256_madd_epi16(u.even[0], a), _mm256_madd_epi16(u.odd[0], b)));
  acc.high = _mm256_add_epi32(acc.high, _mm256_add_epi32(_mm256_madd_epi16(u.even[1], a), _mm256_madd_epi16(u.odd[1], b)));
}
static inline f32x16 value(const Sums& sums, int total) {
  const __m256i offset = _mm256_set1_epi32(128 * total);
  return {_mm256_cvtepi32_ps(_mm256_sub_epi32(sums.low, offset)), _mm256_cvtepi32_ps(_mm256_sub_epi32(sums.high, offset))};
}
static inline void store_fours(int8_t* to, f32x16 whole) {  // as 16 bits: of each four its numbers 0 2 1 3
  // packs works within halves of a register: 0..3 and 8..11, then 4..7 and 12..15.
  const __m256i all = _mm256_packs_epi32(_mm256_cvtps_epi32(whole.low), _mm256_cvtps_epi32(whole.high));
  const __m256i order = _mm256_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
  const __m256i turned = _mm256_shuffle_epi8(all, order);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_permute4x64_epi64(turned, 0xd8));
}

#elif defined(__ARM_FEATURE_DOTPROD)
struct Quads { int8x16_t bytes[4]; };
struct Sums { int32x4_t high[4], low[4]; };
static inline Quads load_quads(const uint8_t* p) {
  Quads u;
  for (int i = 0; i < 4; ++i) u.bytes[i] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p + 16 * i), vdupq_n_u8(128)));
  return u;
}
static inline Sums no_sums() {
  Sums sums;
  for (int i = 0; i < 4; ++i) sums.high[i] = sums.low[i] = vdupq_n_s32(0);
  return sums;
}
static inline void add_dot4(Sums& acc, const Quads& u, const int8_t* four) {
  const int8x8_t both = vld1_s8(four);
  for (int i = 0; i < 4; ++i) {
    acc.high[i] = vdotq_lane_s32(acc.high[i], u.bytes[i], both, 0);
    acc.low[i] = vdotq_lane_s32(acc.low[i], u.bytes[i], both, 1);
  }
}
static inline f32x16 value(const Sums& sums, int) {  // the bytes were made signed as they were loaded
  f32x16 result;
  for (int i = 0; i < 4; ++i) result.v[i] = vcvtq_f32_s32(vaddq_s32(vshlq_n_s32(sums.high[i], 8), sums.low[i]));
  return result;
}
static inline void store_fours(int8_t* to, f32x16 whole) {  // each four's upper bytes, then its lower ones
  for (int i = 0; i < 4; ++i) {
    const int32x4_t all = vcvtq_s32_f32(whole.v[i]);  // they are whole already
    const int32x4_t upper = vshrq_n_s32(vaddq_s32(all, vdupq_n_s32(128)), 8);
    const int16x8_t both = vcombine_s16(vmovn_s32(upper), vmovn_s32(all));
    vst1_s8(to + i * FOURS, vmovn_s16(both));
  }
}

#else
struct Quads { uint8_t byte[64]; };
struct Sums { uint32_t lane[16]; };
static inline Quads load_quads(const uint8_t* p) {
  Quads u;
  __builtin_memcpy(u.byte, p, 64);
  return u;
}
static inline Sums no_sums() { return {}; }
static inline void add_dot4(Sums& acc, const Quads& u, const int8_t* four) {
  int16_t w[4];
  __builtin_memcpy(w, four, FOURS);
  for (int i = 0; i < 16; ++i) {
    const uint8_t* b = u.byte + 4 * i;
    acc.lane[i] += uint32_t(b[0] * w[0] + b[1] * w[1]) + uint32_t(b[2] * w[2] + b[3] * w[3]);
  }
}
static inline f32x16 value(const Sums& sums, int total) {
  alignas(64) float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = float(int32_t(sums.lane[i] - uint32_t(128 * total)));
  return load(lanes);
}
static inline void store_fours(int8_t* to, f32x16 whole) {
  alignas(64) float lanes[16];
  store(lanes, whole);
  for (int i = 0; i < 16; ++i) {
    const int16_t w = int16_t(lanes[i]);
    __builtin_memcpy(to + 2 * i, &w, 2);
  }
}
#endif

}  // namespace
