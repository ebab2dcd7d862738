// bfloat16 in 12 bits, losslessly: nearly all weights of a panel share 16 exponents, so that a 4-bit code names each one's.
//
// A packed tensor begins with a table of PackedPanel, one per 64 rows. A packed panel is [k / 2] steps of 192 bytes: sign
// and mantissa of its 128 weights in the order of the plain panel (kernels_pack.cpp), a byte each; then 32 words of four
// codes: weight 32·v + i has the v-th nibble of word i, so that a shift and one shuffle give 32 exponents in their place.
// Weights of other exponents are listed, in order, with their value; a panel with many of them is kept plain.
#pragma once
#include "linear.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// Weight `i` of a packed step, its exponent being known to the panel.
static inline uint16_t packed_weight(const PackedPanel& panel, const uint8_t* step, int i) {
  const uint8_t* word = step + STEP_WEIGHTS + i % 32 * 2;
  const int code = (word[0] | word[1] << 8) >> i / 32 * 4 & 15;
  return uint16_t((step[i] & 0x80) << 8 | panel.exponents[code] << 7 | (step[i] & 0x7f));
}

// The first escape of a panel at or after `step`.
static inline const Escape* escapes_from(const PackedPanel& panel, int64_t step) {
  const Escape* low = reinterpret_cast<const Escape*>(panel.escapes);
  const Escape* high = low + panel.escape_count;
  while (low < high) {
    const Escape* middle = low + (high - low) / 2;
    if (middle->at < step * STEP_WEIGHTS) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Steps first .. first + count of a packed panel as plain ones, 256 bytes each.
static inline void unpack_steps(const PackedPanel& panel, int64_t first, int64_t count, uint16_t* to) {
  const uint8_t* step = reinterpret_cast<const uint8_t*>(panel.data) + first * PACKED_STEP;
  const Exponents exponents = load_exponents(panel.exponents);
  for (int64_t s = 0; s < count; ++s, step += PACKED_STEP) unpack_step(step, exponents, to + s * STEP_WEIGHTS);
  const Escape* const last = reinterpret_cast<const Escape*>(panel.escapes) + panel.escape_count;
  for (const Escape* e = escapes_from(panel, first); e < last && e->at < (first + count) * STEP_WEIGHTS; ++e)
    to[e->at - first * STEP_WEIGHTS] = uint16_t(e->value);
}

}  // namespace
