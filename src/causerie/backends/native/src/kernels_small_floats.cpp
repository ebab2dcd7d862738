// Matrices of bytes that are small floats, E4M3: bfloat16 holds what they stand for, so they are multiplied as matrices of bfloat16
// are, with activations rounded to it. Every output is a chain of products of pairs over each group's inputs in order, and one of
// multiply-adds over groups:
//
//   y = Σ over groups of scale · Σ value · x      + bias
//
// Few tokens turn bytes into bfloat16 in registers, by the way; for many it is done once for all, some inputs at a time, in the
// second cache.
#include "dispatch.h"
#include "linear.h"
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t PASSES = VECTORS > 1 ? 4 : 1;                 // of tokens that turn bytes in registers
constexpr int64_t STEPS = sizeof(Pairs) == 64 ? 448 : 192;      // pairs of inputs that are turned at a time: 96 or 112 KB, whole groups
alignas(64) static const uint8_t no_inputs[PANEL] = {};         // beside the last of an odd number of inputs

#if !defined(__AVX512BF16__)
// Vectors `first` and the next of a panel's rows, of two inputs that follow each other.
static inline void load_small_pairs(const uint8_t* even, const uint8_t* odd, int first, Pairs (&to)[2]) {
  for (int v = 0; v < 2; ++v) to[v] = {load_e4m3(even, first + v), load_e4m3(odd, first + v)};
}
#endif

// A panel's groups: the scales of 64 rows, then the bytes of each input.
struct Groups {
  const uint8_t* panel;
  int64_t width, group, bytes;

  explicit Groups(const Stretch& run)
      : panel(panel_of(run.panels(), run.part.weight, run.in.width, run.panel)), width(run.in.width), group(run.panels().group), bytes(group_bytes(run.panels())) {}
  inline const float* scales(int64_t k) const { return reinterpret_cast<const float*>(panel + k / group * bytes); }
  inline const uint8_t* input(int64_t k) const { return panel + k / group * bytes + 4 * PANEL + k % group * PANEL; }
  inline const uint8_t* beside(int64_t k) const { return (k + 1) % group ? input(k + 1) : no_inputs; }
};

static inline void finish(const Stretch& run, int64_t token, int v, f32x16 sum) {
  const int64_t at = 16 * v, rows = run.rows();
  const f32x16 value = run.bias() ? add(sum, load(run.bias() + at)) : sum;
  if (rows > at) store_first(run.out(token) + at, value, rows - at);
}

template <int T>
static inline __attribute__((always_inline)) void add_pair(const uint8_t* even, const uint8_t* odd, const uint16_t* const (&x)[T], int64_t k, f32x16 (&acc)[T][WHOLE]) {
  for (int v = 0; v < WHOLE; v += 2) {
    Pairs pairs[2];
    load_small_pairs(even, odd, v, pairs);
    for (int t = 0; t < T; ++t) {
      const Pairs own = broadcast_pair(x[t] + k);
      for (int i = 0; i < 2; ++i) acc[t][v + i] = dot2(acc[t][v + i], pairs[i], own);
    }
  }
}

template <int T>
static __attribute__((noinline)) void few(const Stretch& run, int64_t token) {
  const Groups groups(run);
  f32x16 sums[T][WHOLE];
  const uint16_t* x[T];
  for (int t = 0; t < T; ++t) {
    x[t] = run.input<uint16_t>(token + t);
    for (int v = 0; v < WHOLE; ++v) sums[t][v] = broadcast(0.0f);
  }
  const uint8_t* block = groups.panel;
  for (int64_t k = 0; k < groups.width; k += groups.group, block += groups.bytes) {
    f32x16 acc[T][WHOLE];
    for (int t = 0; t < T; ++t)
      for (int v = 0; v < WHOLE; ++v) acc[t][v] = broadcast(0.0f);
    for (int64_t i = 0; i < 4 * PANEL; i += 64) __builtin_prefetch(block + AHEAD + i);
    const uint8_t* bytes = block + 4 * PANEL;
    int64_t i = 0;
    for (; i + 1 < groups.group; i += 2, bytes += 2 * PANEL) {
      __builtin_prefetch(bytes + AHEAD);
      __builtin_prefetch(bytes + AHEAD + PANEL);
      add_pair<T>(bytes, bytes + PANEL, x, k + i, acc);
    }
    if (i < groups.group) add_pair<T>(bytes, no_inputs, x, k + i, acc);
    for (int v = 0; v < WHOLE; ++v) {
      const f32x16 scale = load(reinterpret_cast<const float*>(block) + 16 * v);
      for (int t = 0; t < T; ++t) sums[t][v] = fma(acc[t][v], scale, sums[t][v]);
    }
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < WHOLE; ++v) finish(run, token + t, v, sums[t][v]);
}

// Some inputs of a panel for many tokens: whole groups, or a piece of the only one.
struct Turned {
  int64_t first, count;  // inputs
  alignas(64) Pairs pairs[STEPS][WHOLE];

  void fill(const Groups& groups, int64_t from) {
    first = from, count = groups.width - from < 2 * STEPS ? groups.width - from : 2 * STEPS;
    for (int64_t k = first; k < first + count; k += 2) {
      Pairs(&to)[WHOLE] = pairs[(k - first) / 2];
      for (int v = 0; v < WHOLE; v += 2) load_small_pairs(groups.input(k), groups.beside(k), v, reinterpret_cast<Pairs(&)[2]>(to[v]));
    }
  }
};

// V vectors of rows by T tokens. Between pieces of a group that goes on, what is summed up of it waits where the result will be.
template <int T, int V>
static __attribute__((noinline)) void strip(const Stretch& run, const Groups& groups, const Turned& turned, int64_t token, int v0) {
  f32x16 acc[T][V], sums[T][V];
  const uint16_t* x[T];
  const int64_t last = turned.first + turned.count;
  const bool goes_on = turned.first % groups.group, unfinished = last % groups.group;
  for (int t = 0; t < T; ++t) {
    x[t] = run.input<uint16_t>(token + t) + turned.first;
    for (int v = 0; v < V; ++v) {
      const f32x16 begun = begin_sums(run.out(token + t) + 16 * (v0 + v), turned.first == 0, run.rows() - 16 * (v0 + v));
      acc[t][v] = goes_on ? begun : broadcast(0.0f);
      sums[t][v] = goes_on ? broadcast(0.0f) : begun;
    }
  }
  for (int64_t k = 0; k < turned.count;) {
    const int64_t left = groups.group - (turned.first + k) % groups.group, some = turned.count - k < left ? turned.count - k : left;
    for (int64_t end = k + some; k < end; k += 2) {
      const Pairs* w = turned.pairs[k / 2] + v0;
      for (int t = 0; t < T; ++t) {
        const Pairs own = broadcast_pair(x[t] + k);
        for (int v = 0; v < V; ++v) acc[t][v] = dot2(acc[t][v], w[v], own);
      }
    }
    if (some < left) break;
    const float* scales = groups.scales(turned.first + k - 1) + 16 * v0;
    for (int v = 0; v < V; ++v) {
      const f32x16 scale = load(scales + 16 * v);
      for (int t = 0; t < T; ++t) {
        sums[t][v] = fma(acc[t][v], scale, sums[t][v]);
        acc[t][v] = broadcast(0.0f);
      }
    }
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) {
      if (last == groups.width) {
        finish(run, token + t, v0 + v, sums[t][v]);
        continue;
      }
      const int64_t row = 16 * (v0 + v);
      if (run.rows() > row) store_first(run.out(token + t) + row, unfinished ? acc[t][v] : sums[t][v], run.rows() - row);
    }
}

static __attribute__((noinline)) void many(const Stretch& run) {
  const Groups groups(run);
  Turned turned;  // scratch: fill writes what is read
  for (int64_t k = 0; k < groups.width; k += 2 * STEPS) {
    turned.fill(groups, k);
    for (int64_t t = run.first; t < run.last; t += PAIR_TOKENS)
      with_count<PAIR_TOKENS>(run.last - t, [&](auto tokens) {
        constexpr int T = decltype(tokens)::value, V = T == 1 ? WHOLE : VECTORS;
        for (int v0 = 0; v0 < WHOLE; v0 += V) strip<T, V>(run, groups, turned, t, v0);
      });
  }
}

void run_small_floats(const Stretch& run) {
  const int64_t tokens = run.last - run.first, passes = (tokens + PAIR_TOKENS - 1) / PAIR_TOKENS;
  if (passes > PASSES) return many(run);
  for (int64_t pass = 0; pass < passes; ++pass) {  // all but the first read it from the second cache
    const int64_t begin = run.first + tokens * pass / passes, end = run.first + tokens * (pass + 1) / passes;
    with_count<PAIR_TOKENS>(end - begin, [&](auto count) { few<decltype(count)::value>(run, begin); });
  }
}

}  // namespace
