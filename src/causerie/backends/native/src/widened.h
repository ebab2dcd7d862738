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

// Eight rows of two inputs, as words.
static inline void store_half(__m256i words, float* to) {
  _mm256_store_ps(to, _mm256_castsi256_ps(_mm256_and_si256(words, _mm256_set1_epi32(int(0xffff0000u)))));
  _mm256_store_ps(to + PANEL, _mm256_castsi256_ps(_mm256_slli_epi32(words, 16)));
}

// A weight that its panel lists, of a step that follows step `first`, which was widened to `to`.
static inline void put_escape(const Escape& escape, int64_t first, float* to) {
  const int64_t at = escape.at - first * STEP_WEIGHTS, weight = at % STEP_WEIGHTS;
  to[at - weight + (weight % 2 ? 0 : PANEL) + weight / 2] = from_bf16(uint16_t(escape.value));
}

static inline void widen_plain(const uint16_t* step, int64_t count, float* to) {
  for (int64_t s = 0; s < count; ++s, step += STEP_WEIGHTS, to += STEP_WEIGHTS) {
    for (int64_t i = 0; i < PLAIN_STEP; i += 64) __builtin_prefetch(reinterpret_cast<const char*>(step) + AHEAD + i);
    for (int i = 0; i < PANEL; i += 8) store_half(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(step + 2 * i)), to + i);
  }
}

// Steps first .. first + count of a packed panel.
static inline void widen_packed(const PackedPanel& panel, int64_t first, int64_t count, float* to) {
  const uint8_t* step = reinterpret_cast<const uint8_t*>(panel.data) + first * PACKED_STEP;
  const Exponents exponents = load_exponents(panel.exponents);
  for (int64_t s = 0; s < count; ++s, step += PACKED_STEP) {
    for (int64_t i = 0; i < PACKED_STEP; i += 64) __builtin_prefetch(step + AHEAD + i);
    for (int half = 0; half < 2; ++half)
      unpack_half(step, half, exponents, [&](int v, __m256i words) { store_half(words, to + s * STEP_WEIGHTS + 16 * v + 8 * half); });
  }
  const Escape* const last = reinterpret_cast<const Escape*>(panel.escapes) + panel.escape_count;
  for (const Escape* e = escapes_from(panel, first); e < last && e->at < (first + count) * STEP_WEIGHTS; ++e) put_escape(*e, first, to);
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
