// Scores and sums of values where the cache holds bytes: integer sums over the elements of a key group and over the
// positions of a chunk, exact in any order. A query is rounded to 16 bits of its largest element, and a chunk's weights,
// each times its value's scale, to 16 bits of the largest of them: far finer than the bytes they multiply.
#pragma once
#include "attention.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

struct AttendInt8 : CacheInt8 {
  struct Query {
    alignas(64) int8_t numbers[HEAD_ROOM / 4 * FOURS];
    int totals[HEAD_ROOM / KEY_GROUP];  // of a group's numbers
    float scale;
  };
  struct Weights {
    alignas(64) int8_t numbers[LINES][CHUNK / 4 * FOURS];
    alignas(64) float scaled[CHUNK];
    alignas(64) float scales[CHUNK];  // of the values
    int totals[LINES];
    float units[LINES];
  };
  using Together = Lines<Query>;

  static inline float unit_of(float largest) { return largest > 1e-30f ? float(WHOLE) / largest : 0.0f; }

  static void prepare(const float* q, const Instruction& in, Query& query) {
    f32x16 top = broadcast(0.0f);
    for (int64_t i = 0; i < in.head_dim; i += 16) top = max(top, abs(load_first(q + i, in.head_dim - i)));
    const float largest_q = largest(top), unit = unit_of(largest_q);
    query.scale = largest_q * (1.0f / WHOLE);
    f32x16 total = broadcast(0.0f);
    for (int64_t i = 0; i < in.head_dim; i += 16) {
      const f32x16 whole = rounded(mul(load_first(q + i, in.head_dim - i), broadcast(unit)));
      store_fours(query.numbers + i / 4 * FOURS, whole);
      total = i % KEY_GROUP ? add(total, whole) : whole;
      query.totals[i / KEY_GROUP] = int(sum(total));  // whole numbers below 2^24: exact
    }
  }

  static float factor(const Query& query) { return query.scale; }

  // How many blocks ahead is fetched, of those of a chunk: all, for its arithmetic takes as long as memory does.
  static int later(const Instruction&, int blocks) { return blocks; }

  static const uint8_t* values_of(const uint8_t* keys, const Instruction& in) { return values_after<CacheInt8>(const_cast<uint8_t*>(keys), in); }

  template <int L, bool FETCH>
  static inline void score_block(const Together& lines, const uint8_t* keys, const char* ahead, const Instruction& in, float* scores) {
    const int64_t steps = key_steps<CacheInt8>(in), groups = key_groups(in.head_dim);
    const uint16_t* scales = reinterpret_cast<const uint16_t*>(keys + steps * 4 * BLOCK);
    const int8_t* query[L];
    CAUSERIE_UNROLL for (int h = 0; h < L; ++h) query[h] = lines.query[h]->numbers;
    int64_t fetched = 0;
    for (int part = 0; part < BLOCK; part += 16) {
      f32x16 score[L];
      CAUSERIE_UNROLL for (int h = 0; h < L; ++h) score[h] = broadcast(0.0f);
      for (int64_t g = 0; g < groups; ++g) {
        const int64_t begin = g * (KEY_GROUP / 4), end = begin + KEY_GROUP / 4 < steps ? begin + KEY_GROUP / 4 : steps;
        Sums acc[L];
        CAUSERIE_UNROLL for (int h = 0; h < L; ++h) acc[h] = no_sums();
        for (int64_t s = begin; s < end; ++s) {
          if (FETCH) __builtin_prefetch(ahead + fetched), fetched += 64;
          const Quads lanes = load_quads(keys + (part / 16 * steps + s) * 64);
          CAUSERIE_UNROLL for (int h = 0; h < L; ++h) add_dot4(acc[h], lanes, query[h] + s * FOURS);
        }
        const f32x16 scale = load_bf16(scales + g * BLOCK + part);
        CAUSERIE_UNROLL for (int h = 0; h < L; ++h) score[h] = fma(value(acc[h], lines.query[h]->totals[g]), scale, score[h]);
      }
      CAUSERIE_UNROLL for (int h = 0; h < L; ++h) store(scores + h * CHUNK + part, score[h]);
    }
  }

  // Asks for the scales of a block's values and of the keys of `next`, which lie behind what the loops ask for.
  static inline void fetch_scales(const uint8_t* values, const uint8_t* next, const Instruction& in) {
    __builtin_prefetch(values + padded(in.value_dim) * BLOCK);
    for (int64_t g = 0; g < key_groups(in.head_dim); ++g) __builtin_prefetch(next + key_steps<CacheInt8>(in) * 4 * BLOCK + g * 64);
  }

  static void begin_weights(const Together& lines, const uint8_t* const* values, const Instruction& in, Weights& weights) {
    for (int at = lines.first / 16 * 16; at < lines.last; at += 16) {
      const auto* scales = reinterpret_cast<const uint16_t*>(values[at / BLOCK] + padded(in.value_dim) * BLOCK);
      store(weights.scales + at, load_bf16(scales + at % BLOCK));
    }
  }

  // Hidden positions have weight 0 and a scale that may be anything.
  static f32x16 keep_weights(Weights& weights, int, int at, f32x16 sixteen, f32x16& top) {
    const f32x16 zero = broadcast(0.0f), scaled = where_above(sixteen, zero, mul(sixteen, load(weights.scales + at)), zero);
    store(weights.scaled + at, scaled);
    top = max(top, scaled);
    return sixteen;
  }

  static void end_weights(const Together& lines, int h, f32x16 top, Weights& weights) {
    const float most = largest(top);
    const f32x16 unit = broadcast(unit_of(most));
    f32x16 total = broadcast(0.0f);
    for (int at = lines.first / 16 * 16; at < lines.last; at += 16) {
      const bool seen = at + 16 > lines.low[h] && at < lines.high[h];
      const f32x16 whole = seen ? rounded(mul(load(weights.scaled + at), unit)) : broadcast(0.0f);
      total = add(total, whole);
      store_fours(weights.numbers[h] + at / 4 * FOURS, whole);
    }
    weights.totals[h] = int(sum(total));  // at most 256 · WHOLE: exact
    weights.units[h] = most * (1.0f / WHOLE);
  }

  template <int L, bool FETCH>
  static inline void mix(const Together& lines, const uint8_t* const* values, const uint8_t* const* ahead, const Instruction& in, const Weights& weights) {
    const int64_t width = padded(in.value_dim);
    for (int64_t c = 0; c < width; c += 16) {
      Sums acc[L];
      CAUSERIE_UNROLL for (int h = 0; h < L; ++h) acc[h] = no_sums();
      const int last = (lines.last + 3) / 4;
      for (int s = lines.first / 4; s < last;) {
        const uint8_t* lanes = values[s * 4 / BLOCK] + (s * 4 % BLOCK * width + c * 4);
        const int in_block = (s * 4 / BLOCK + 1) * (BLOCK / 4), end = in_block < last ? in_block : last;
        const uint8_t* fetched = ahead[s * 4 / BLOCK] + c * 32;
        for (; s < end; ++s, lanes += width * 4, fetched += 64) {
          if (FETCH) __builtin_prefetch(fetched);
          const Quads quads = load_quads(lanes);
          CAUSERIE_UNROLL for (int h = 0; h < L; ++h) add_dot4(acc[h], quads, weights.numbers[h] + s * FOURS);
        }
      }
      CAUSERIE_UNROLL for (int h = 0; h < L; ++h) store(lines.sum[h]->mixed + c, mul(value(acc[h], weights.totals[h]), broadcast(weights.units[h])));
    }
  }
};

}  // namespace
