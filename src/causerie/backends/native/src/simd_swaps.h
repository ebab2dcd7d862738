// Sixteen float lanes that change places: lane i with lane i ^ APART, a power of two.
#pragma once
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

#if defined(__AVX512F__)
template <int APART>
static inline f32x16 swapped(f32x16 a) {
  if constexpr (APART == 1) return {_mm512_permute_ps(a.v, 0xb1)};
  else if constexpr (APART == 2) return {_mm512_permute_ps(a.v, 0x4e)};
  else return {_mm512_shuffle_f32x4(a.v, a.v, APART == 4 ? 0xb1 : 0x4e)};
}
#elif defined(__AVX2__)
template <int APART>
static inline __m256 swapped8(__m256 a) {
  if constexpr (APART == 4) return _mm256_permute2f128_ps(a, a, 1);
  else return _mm256_permute_ps(a, APART == 1 ? 0xb1 : 0x4e);
}
template <int APART>
static inline f32x16 swapped(f32x16 a) {
  if constexpr (APART == 8) return {a.high, a.low};
  else return {swapped8<APART>(a.low), swapped8<APART>(a.high)};
}
#elif defined(__ARM_NEON) && !defined(CAUSERIE_PLAIN)
template <int APART>
static inline f32x16 swapped(f32x16 a) {
  f32x16 b;
  for (int i = 0; i < 4; ++i) {
    if constexpr (APART == 1) b.v[i] = vrev64q_f32(a.v[i]);
    else if constexpr (APART == 2) b.v[i] = vextq_f32(a.v[i], a.v[i], 2);
    else b.v[i] = a.v[i ^ (APART / 4)];
  }
  return b;
}
#else
template <int APART>
static inline f32x16 swapped(f32x16 a) {
  f32x16 b;
  for (int i = 0; i < 16; ++i) b.lane[i] = a.lane[i ^ APART];
  return b;
}
#endif

}  // namespace
