// Rotary positions of one head.
#pragma once
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// out = `dims` elements of x, element i turned against element i + dims / 2.
static inline void turn_pairs(const float* x, const float* rotation, int64_t dims, float* out) {
  const int64_t half = dims / 2;
  for (int64_t i = 0; i < half; i += 16) {
    const int64_t left = half - i;
    const f32x16 a = load_first(x + i, left), b = load_first(x + half + i, left);
    const f32x16 cosine = load_first(rotation + i, left), sine = load_first(rotation + half + i, left);
    store_first(out + i, fma(a, cosine, sub(broadcast(0.0f), mul(b, sine))), left);
    store_first(out + half + i, fma(b, cosine, mul(a, sine)), left);
  }
}

static inline const float* turns(const Step& step, const Instruction& in, int32_t rope, int64_t r) {
  return in.dims ? step.rotations[rope] + r * in.dims : nullptr;
}

}  // namespace
