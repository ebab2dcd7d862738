// Means over elements of a row, summed up in one order.
#pragma once
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

static inline float mean_of(const float* x, int64_t length) {
  f32x16 total = broadcast(0.0f);
  for (int64_t i = 0; i < length; i += 16) total = add(total, load_first(x + i, length - i));
  return sum(total) / float(length);
}

// Of squares of what elements are off from a number.
static inline float mean_square(const float* x, int64_t length, float from) {
  f32x16 total = broadcast(0.0f);
  for (int64_t i = 0; i < length; i += 16) {
    const int64_t left = length - i;
    const f32x16 off = keep(sub(load_first(x + i, left), broadcast(from)), 0, left < 16 ? int(left) : 16, broadcast(0.0f));
    total = fma(off, off, total);
  }
  return sum(total) / float(length);
}

}  // namespace
