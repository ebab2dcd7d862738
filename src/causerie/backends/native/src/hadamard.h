// Activations that are mixed 64 by 64, so that none sticks out (quant/transform.py), and heads, whose keys are kept in 8 bits
// (quant/cache_format.py).
#pragma once
#include "simd_swaps.h"
#include "unroll.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int TURNED = 64;  // activations that a Hadamard matrix mixes

// Sums of lanes that are APART from each other, and where a lane is the second of the two, what the first has more. A
// product with 1 or -1 is exact, so that each result is rounded once.
template <int APART>
static inline f32x16 sums_and_differences(f32x16 x) {
  alignas(64) float signs[16];
  for (int i = 0; i < 16; ++i) signs[i] = i & APART ? -1.0f : 1.0f;
  return fma(x, load(signs), swapped<APART>(x));
}

static inline void sum_and_difference(f32x16& first, f32x16& second) {
  const f32x16 sum = add(first, second);
  second = sub(first, second);
  first = sum;
}

// The Hadamard matrix of TURNED elements over 8: sums and differences of neighbours, then of those 2, 4 … 32 apart.
static inline void turn_whole(float* x) {
  f32x16 part[4];
  CAUSERIE_UNROLL for (int i = 0; i < 4; ++i) part[i] = sums_and_differences<1>(load(x + 16 * i));
  CAUSERIE_UNROLL for (int i = 0; i < 4; ++i) part[i] = sums_and_differences<2>(part[i]);
  CAUSERIE_UNROLL for (int i = 0; i < 4; ++i) part[i] = sums_and_differences<4>(part[i]);
  CAUSERIE_UNROLL for (int i = 0; i < 4; ++i) part[i] = sums_and_differences<8>(part[i]);
  sum_and_difference(part[0], part[1]), sum_and_difference(part[2], part[3]);
  sum_and_difference(part[0], part[2]), sum_and_difference(part[1], part[3]);
  CAUSERIE_UNROLL for (int i = 0; i < 4; ++i) store(x + 16 * i, mul(part[i], broadcast(0.125f)));
}

// The same of fewer elements, a power of two, over its root.
static inline void turn_part(float* x, int size) {
  for (int apart = 1; apart < size; apart *= 2)
    for (int i = 0; i < size; ++i) {
      if (i & apart) continue;
      const float first = x[i], second = x[i + apart];
      x[i] = first + second;
      x[i + apart] = first - second;
    }
  const float share = 1.0f / __builtin_sqrtf(float(size));
  for (int i = 0; i < size; ++i) x[i] *= share;
}

// A head: as many matrices of TURNED elements as it has room for, then of the powers of two that are left, the largest first.
static inline void turn_head(float* x, int64_t width) {
  for (; width >= TURNED; width -= TURNED, x += TURNED) turn_whole(x);
  for (int size = TURNED / 2; size > 1; size /= 2)
    if (width & size) turn_part(x, size), x += size;
}

}  // namespace
