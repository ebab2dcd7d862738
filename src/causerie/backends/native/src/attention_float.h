// Scores and sums of values where the cache holds floating-point numbers. A bfloat16 cache takes queries and weights
// rounded to bfloat16, for vdpbf16ps; weights are summed as rounded, so that they still make up one.
#pragma once
#include "attention.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

template <class C, f32x16 (*LOAD)(const typename C::Element*)>
struct Singles : C {
  using Element = typename C::Element;
  using Lanes = f32x16;
  using Number = float;  // of a query and of a weight
  static inline Lanes lanes(const Element* p) { return LOAD(p); }
  static inline Lanes shared(const Number* p) { return broadcast(*p); }
  static inline f32x16 accumulate(f32x16 acc, const Lanes& a, const Lanes& b) { return fma(b, a, acc); }
  static inline Lanes visible(const Lanes& a, bool, bool) { return a; }
  static inline f32x16 keep_weights(Number* to, f32x16 weights) { return store(to, weights), weights; }
};

struct Pairwise : CacheBfloat16 {
  using Lanes = Pairs;
  using Number = uint16_t;
  static inline Lanes lanes(const Element* p) { return load_pairs(p); }
  static inline Lanes shared(const Number* p) { return broadcast_pair(p); }
  static inline f32x16 accumulate(f32x16 acc, const Lanes& a, const Lanes& b) { return dot2(acc, a, b); }
  static inline Lanes visible(const Lanes& a, bool even, bool odd) { return keep_pairs(a, even, odd); }
  static inline f32x16 keep_weights(Number* to, f32x16 weights) { return store_bf16(to, weights), load_bf16(to); }
};

constexpr int64_t NEAR = 16 * 1024;  // bytes of keys or values that are fetched ahead

// TIMES is how often each number of a query lies there, one after the other.
template <class C, int TIMES = 1>
struct FloatCache : C {
  using Element = typename C::Element;
  using Number = typename C::Number;
  struct Query { alignas(64) Number numbers[HEAD_ROOM * TIMES]; };
  struct Weights { alignas(64) Number numbers[LINES][CHUNK]; };
  using Together = Lines<Query>;

  static void prepare(const float* q, const Instruction& in, Query& query) {
    for (int64_t i = 0; i < in.head_dim; i += 16) store_first(query.numbers + i, load_first(q + i, in.head_dim - i), in.head_dim - i);
  }

  static float factor(const Query&) { return 1.0f; }

  // How many blocks ahead is fetched, of those of a chunk: as much whatever one takes, enough for memory to answer, and little
  // beside the first cache, which holds it until it is read.
  static int later(const Instruction& in, int blocks) {
    const int64_t bytes = key_steps<C>(in) * C::each * BLOCK * int64_t(sizeof(Element));
    return bytes < NEAR ? min_of(int(NEAR / bytes), blocks) : 1;
  }

  static const Element* values_of(const Element* keys, const Instruction& in) { return values_after<C>(const_cast<Element*>(keys), in); }

  // scores[h · CHUNK + 0 .. 31] = q · k, not yet scaled, of a block. While FETCH, also asks for as much at `ahead`.
  template <int L, bool FETCH>
  static inline void score_block(const Together& lines, const Element* keys, const char* ahead, const Instruction& in, float* scores) {
    const int64_t steps = key_steps<C>(in);
    constexpr int64_t BYTES = int64_t(sizeof(Element)) * BLOCK * C::each / (2 / WIDE);  // of a step: a block's share
    const Number* query[L];
    CAUSERIE_UNROLL for (int h = 0; h < L; ++h) query[h] = lines.query[h]->numbers;
    int64_t fetched = 0;
    for (int part = 0; part < BLOCK; part += 16 * WIDE) {
      const Element* key = keys + part * steps * C::each;
      f32x16 acc[WIDE][L];
      for (int w = 0; w < WIDE; ++w)
        CAUSERIE_UNROLL for (int h = 0; h < L; ++h) acc[w][h] = broadcast(0.0f);
      for (int64_t s = 0; s < steps; ++s) {
        if (FETCH) {
          for (int64_t i = 0; i < BYTES; i += 64) __builtin_prefetch(ahead + fetched + i);
          fetched += BYTES;
        }
        typename C::Lanes lanes_of[WIDE];
        for (int w = 0; w < WIDE; ++w) lanes_of[w] = C::lanes(key + (w * steps + s) * 16 * C::each);
        CAUSERIE_UNROLL for (int h = 0; h < L; ++h) {
          const typename C::Lanes shared = C::shared(query[h] + s * C::each);
          for (int w = 0; w < WIDE; ++w) acc[w][h] = C::accumulate(acc[w][h], lanes_of[w], shared);
        }
      }
      for (int w = 0; w < WIDE; ++w)
        CAUSERIE_UNROLL for (int h = 0; h < L; ++h) store(scores + h * CHUNK + part + 16 * w, acc[w][h]);
    }
  }

  static inline void fetch_scales(const Element*, const Element*, const Instruction&) {}

  static void begin_weights(const Together&, const Element* const*, const Instruction&, Weights&) {}

  static f32x16 keep_weights(Weights& weights, int h, int at, f32x16 sixteen, f32x16&) { return C::keep_weights(weights.numbers[h] + at, sixteen); }

  static void end_weights(const Together&, int, f32x16, Weights&) {}

  // mixed = Σ weight · value in order of position. Positions that a line does not see are left out, for its neighbours in
  // the block may hold anything.
  // While FETCH, also asks for as much at `ahead`, of each block.
  template <int L, bool FETCH>
  static inline void mix(const Together& lines, const Element* const* values, const Element* const* ahead, const Instruction& in, const Weights& weights) {
    mix_all<L, FETCH>(lines, values, ahead, padded(in.value_dim), padded(in.value_dim), weights);
  }

  // Of `columns` elements of values that lie `width` apart. Values from memory are read block by block, which the first cache
  // holds from column to column; others all at once, so that sums stay in registers.
  template <int L, bool FETCH>
  static inline void mix_all(const Together& lines, const Element* const* values, const Element* const* ahead, int64_t columns, int64_t width, const Weights& weights) {
    const int size = FETCH ? BLOCK : CHUNK;
    for (int begin = lines.first / size * size; begin < lines.last; begin += size)
      for (int64_t c = 0; c < columns;) {
        if (WIDE == 2 && c + 32 <= columns) mix_columns<L, WIDE, FETCH>(lines, begin, min_of(begin + size, lines.last), values, ahead, width, c, weights), c += 16 * WIDE;
        else mix_columns<L, 1, FETCH>(lines, begin, min_of(begin + size, lines.last), values, ahead, width, c, weights), c += 16;
      }
  }

  // Of positions begin .. end, those that a line sees.
  template <int L, int W, bool FETCH>
  static inline void mix_columns(const Together& lines, int begin, int end, const Element* const* values, const Element* const* ahead, int64_t width, int64_t column, const Weights& weights) {
    constexpr int E = C::each;
    const bool starts = begin <= lines.first;
    f32x16 acc[L][W];
    CAUSERIE_UNROLL for (int h = 0; h < L; ++h)
      for (int w = 0; w < W; ++w) acc[h][w] = starts ? broadcast(0.0f) : load(lines.sum[h]->mixed + column + 16 * w);
    const int last = (end + E - 1) / E;
    int inner = (lines.inner_first + E - 1) / E, inner_end = lines.inner_last / E;
    if (inner >= inner_end) inner = inner_end = last;
    for (int s = (starts ? lines.first : begin) / E; s < last;) {
      const Element* lanes = values[s * E / BLOCK] + s * E % BLOCK * width + column * E;
      if (s < inner || s >= inner_end) {
        mix_edge<L, W>(lines, lanes, s, weights, acc);
        ++s;
        continue;
      }
      const int in_block = min_of((s * E / BLOCK + 1) * (BLOCK / E), last), inner_last = min_of(in_block, inner_end);
      const char* fetched = FETCH ? reinterpret_cast<const char*>(ahead[s * E / BLOCK]) + column / 16 * (BLOCK / E) * 64 : nullptr;
      for (; s < inner_last; ++s, lanes += width * E, fetched += 64 * W) {
        if (FETCH)
          for (int w = 0; w < W; ++w) __builtin_prefetch(fetched + 64 * w);
        typename C::Lanes value[W];
        for (int w = 0; w < W; ++w) value[w] = C::lanes(lanes + 16 * E * w);
        CAUSERIE_UNROLL for (int h = 0; h < L; ++h) {
          const typename C::Lanes shared = C::shared(weights.numbers[h] + s * E);
          for (int w = 0; w < W; ++w) acc[h][w] = C::accumulate(acc[h][w], value[w], shared);
        }
      }
    }
    CAUSERIE_UNROLL for (int h = 0; h < L; ++h)
      for (int w = 0; w < W; ++w) store(lines.sum[h]->mixed + column + 16 * w, acc[h][w]);
  }

  template <int L, int W>
  static inline void mix_edge(const Together& lines, const Element* lanes, int s, const Weights& weights, f32x16 (*acc)[W]) {
    CAUSERIE_UNROLL for (int h = 0; h < L; ++h) {
      const int first = s * C::each, last = first + C::each - 1;
      const bool even = first >= lines.low[h] && first < lines.high[h], odd = last >= lines.low[h] && last < lines.high[h];
      if (!even && !odd) continue;
      for (int w = 0; w < W; ++w) {
        const typename C::Lanes value = C::visible(C::lanes(lanes + 16 * C::each * w), even, odd);
        acc[h][w] = C::accumulate(acc[h][w], value, C::shared(weights.numbers[h] + first));
      }
    }
  }
};

static inline f32x16 load_plain(const float* p) { return load(p); }

using AttendFloat32 = FloatCache<Singles<CacheFloat32, load_plain>>;
using AttendFloat16 = FloatCache<Singles<CacheFloat16, load_f16>>;
using AttendBfloat16 = FloatCache<Pairwise>;

}  // namespace
