// Activations that are mixed 64 by 64, so that none sticks out (quant/transform.py).
#pragma once
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int TURNED = 64;  // activations that a Hadamard matrix mixes

// The Hadamard matrix of TURNED elements over 8: six times sums and differences of neighbours, sums first, which brings
// together those that were 2, 4 … apart.
static inline void turn_whole(float* x) {
  alignas(64) float other[TURNED];
  for (int stage = 0; stage < 6; ++stage) {
    const float* from = stage % 2 ? other : x;
    float* to = stage % 2 ? x : other;
    for (int i = 0; i < TURNED / 2; ++i) {
      to[i] = from[2 * i] + from[2 * i + 1];
      to[TURNED / 2 + i] = from[2 * i] - from[2 * i + 1];
    }
  }
  for (int i = 0; i < TURNED; ++i) x[i] *= 0.125f;
}

}  // namespace
