// Many tokens with bfloat16 where a product of pairs is two of float32: some inputs of a panel at a time are widened once for all
// tokens, into the second cache, and those of a few tokens once for all rows, into the first. Of each pair the second input
// stands before the first, so that a chain over float32 in order is that of dot2.
#pragma once
#include "linear.h"
#include "packed.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t WIDENED = 224;  // steps of a panel, 112 KB

struct Widened {
  alignas(64) float weights[WIDENED * STEP_WEIGHTS];  // [inputs][64 rows]
  alignas(64) float inputs[TOKENS][2 * WIDENED];
};

#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr bool WIDENS = true;

static inline void store_widened(const Pairs& pairs, int v, float* step) {
  store(step + 16 * v, pairs.odd);
  store(step + PANEL + 16 * v, pairs.even);
}

static inline void widen_plain(const uint16_t* step, int64_t count, float* to) {
  for (int64_t s = 0; s < count; ++s, step += STEP_WEIGHTS, to += STEP_WEIGHTS) {
    for (int64_t i = 0; i < PLAIN_STEP; i += 64) __builtin_prefetch(reinterpret_cast<const char*>(step) + AHEAD + i);
    for (int v = 0; v < WHOLE; ++v) store_widened(load_pairs(step + 32 * v), v, to);
  }
}

// Steps first .. first + count of a packed panel.
static inline void widen_packed(const PackedPanel& panel, int64_t first, int64_t count, float* to) {
  const uint8_t* step = reinterpret_cast<const uint8_t*>(panel.data) + first * PACKED_STEP;
  const Exponents exponents = load_exponents(panel.exponents);
  for (int64_t s = 0; s < count; ++s, step += PACKED_STEP) {
    for (int64_t i = 0; i < PACKED_STEP; i += 64) __builtin_prefetch(step + AHEAD + i);
    for (int v = 0; v < WHOLE; ++v) store_widened(unpack_pairs(step, v, exponents), v, to + s * STEP_WEIGHTS);
  }
  const Escape* const last = reinterpret_cast<const Escape*>(panel.escapes) + panel.escape_count;
  for (const Escape* e = escapes_from(panel, first); e < last && e->at < (first + count) * STEP_WEIGHTS; ++e) {
    const int64_t at = e->at - first * STEP_WEIGHTS, weight = at % STEP_WEIGHTS;
    to[at - weight + (weight % 2 ? 0 : PANEL) + weight / 2] = from_bf16(uint16_t(e->value));
  }
}

static inline void widen_inputs(const uint16_t* x, int64_t steps, float* to) {
  for (int64_t s = 0; s < steps; ++s) {
    uint32_t pair;
    __builtin_memcpy(&pair, x + 2 * s, 4);
    const uint64_t both = (pair & 0xffff0000u) | uint64_t(pair) << 48;
    __builtin_memcpy(to + 2 * s, &both, 8);
  }
}
#else
constexpr bool WIDENS = false;
static inline void widen_plain(const uint16_t*, int64_t, float*) {}
static inline void widen_packed(const PackedPanel&, int64_t, int64_t, float*) {}
static inline void widen_inputs(const uint16_t*, int64_t, float*) {}
#endif

}  // namespace
