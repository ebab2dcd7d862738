// Attention to latents: one key for all heads, whose first value_dim elements are its value too, so that pages hold it once.
//
// The cache is [block], each [32 / E][head_dim padded to 16, with zeros][E positions], as values lie in attention.h: the
// lanes of a value's sum are its elements, and so are those of a score, which are added up at the end.
#pragma once
#include "attention_float.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// acc + the even or the odd numbers of pairs times those of a query, which lie there twice. Whatever the others are counts
// for nothing: they belong to another position, of which nobody may know.
template <int ODD>
static inline f32x16 add_half(f32x16 acc, const Pairs& both, const Pairs& query) {
#if defined(__AVX512BF16__)
  return dot2(acc, keep_pairs(both, !ODD, ODD), query);
#else
  return fma(ODD ? both.odd : both.even, query.even, acc);
#endif
}

template <class C>
struct LatentCache : FloatCache<C, C::each> {
  using Element = typename C::Element;
  using Number = typename C::Number;
  using Whole = FloatCache<C, C::each>;
  using typename Whole::Query, typename Whole::Weights, typename Whole::Together;

  static void prepare(const float* q, const Instruction& in, Query& query) {
    alignas(64) Number sixteen[16];
    for (int64_t i = 0; i < padded(in.head_dim); i += 16) {
      C::keep_weights(sixteen, load_first(q + i, in.head_dim - i));  // rounded, where numbers of weights are
      for (int64_t j = 0; j < 16 * C::each; ++j) query.numbers[i * C::each + j] = sixteen[j / C::each];
    }
  }

  static const Element* values_of(const Element* keys, const Instruction&) { return keys; }

  // Of the POSITIONS positions of `row` from FIRST on. While FETCH, also asks for as much at `ahead`.
  template <int L, int POSITIONS, int FIRST, bool FETCH>
  static inline void score_positions(const Together& lines, const Element* row, const Element* ahead, int64_t width, float* scores) {
    const Number* query[L];
    f32x16 acc[L][POSITIONS];
    CAUSERIE_UNROLL for (int h = 0; h < L; ++h) {
      query[h] = lines.query[h]->numbers;
      for (int p = 0; p < POSITIONS; ++p) acc[h][p] = broadcast(0.0f);
    }
    for (int64_t c = 0; c < width; c += 16) {
      if (FETCH)
        for (int p = 0; p < (C::each == 1 ? POSITIONS : 1); ++p) __builtin_prefetch(ahead + p * width + c * C::each);
      if constexpr (C::each == 1) {
        f32x16 own[POSITIONS];
        for (int p = 0; p < POSITIONS; ++p) own[p] = C::lanes(row + p * width + c);
        CAUSERIE_UNROLL for (int h = 0; h < L; ++h) {
          const f32x16 shared = load(query[h] + c);
          for (int p = 0; p < POSITIONS; ++p) acc[h][p] = fma(own[p], shared, acc[h][p]);
        }
      } else {
        const Pairs both = C::lanes(row + 2 * c);
        CAUSERIE_UNROLL for (int h = 0; h < L; ++h) {
          const Pairs shared = load_pairs(query[h] + 2 * c);
          acc[h][0] = add_half<FIRST>(acc[h][0], both, shared);
          if constexpr (POSITIONS == 2) acc[h][1] = add_half<1>(acc[h][1], both, shared);
        }
      }
    }
    CAUSERIE_UNROLL for (int h = 0; h < L; ++h)
      for (int p = 0; p < POSITIONS; ++p) scores[h * CHUNK + FIRST + p] = sum(acc[h][p]);
  }

  // scores[h · CHUNK + 0 .. 31] = q · k, not yet scaled, of a block. While FETCH, also asks for as much at `ahead`.
  template <int L, bool FETCH>
  static inline void score_block(const Together& lines, const Element* keys, const char* ahead, const Instruction& in, float* scores) {
    const int64_t width = padded(in.head_dim);
    constexpr int STEP = C::each > WIDE ? C::each : WIDE;
    for (int p = 0; p < BLOCK; p += STEP) {
      const Element *row = keys + p * width, *fetched = reinterpret_cast<const Element*>(ahead) + p * width;
      score_positions<L, WIDE, 0, FETCH>(lines, row, fetched, width, scores + p);
      if constexpr (WIDE < STEP) score_positions<L, WIDE, 1, false>(lines, row, fetched, width, scores + p);
    }
  }

  template <int L, bool FETCH>
  static inline void mix(const Together& lines, const Element* const* values, const Element* const* ahead, const Instruction& in, const Weights& weights) {
    Whole::template mix_all<L, FETCH>(lines, values, ahead, padded(in.value_dim), padded(in.head_dim), weights);
  }
};

using AttendLatentsFloat32 = LatentCache<Singles<CacheFloat32, load_plain>>;
using AttendLatentsFloat16 = LatentCache<Singles<CacheFloat16, load_f16>>;
using AttendLatentsBfloat16 = LatentCache<Pairwise>;

}  // namespace
