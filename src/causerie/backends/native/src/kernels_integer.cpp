// int8 and int4 matrices. Activations are quantized to 8 bits, a scale for 64 of them (quantized.h), so that a group's
// products are summed as integers, exactly; then ONE fma a group and output, over groups in order: the same bits for one
// token or many. int4 has two blocks of weights in a group, each with a scale of its own, added up before.
//
//   int8   y = Σ over groups of float(Σ q·x) · (scale · scale of x), + bias
//   int4   y = unit / 16 · Σ over groups of (Σ over blocks of float(16 · Σ code·x - zero · Σ x) · scale) · scale of x, + bias
#include "linear.h"
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t CUT = 64 * 1024;  // bytes of a panel before the next tile of tokens: they stay in the second cache
constexpr int INTEGER_TOKENS = TOKENS < 4 ? TOKENS : 4;  // sums and scales take registers too: six were slower

struct Int8 {
  static constexpr int32_t format = INT8;
  template <int S>
  static inline Bytes weights(const uint8_t* body, int64_t step, int v) { return load_bytes(body + (step + S) * 4 * PANEL + 64 * v); }
  static inline i32x16 start(const uint8_t*, int, int32_t sum) { return broadcast_int(-BIAS * sum); }
  static inline i32x16 accumulate(i32x16 acc, Bytes w, Bytes x) { return dot4_biased(acc, w, x); }
  static inline i32x16 finish(i32x16 acc, const uint8_t*, int, int32_t) { return acc; }
  static inline f32x16 scale(const uint8_t* block, int v) { return load_bf16(reinterpret_cast<const uint16_t*>(block) + 16 * v); }
  static inline f32x16 whole(f32x16 sum, const uint8_t*, int) { return sum; }
};

// 16 · Σ code·x - zero · Σ x
struct Int4 {
  static constexpr int32_t format = INT4;
  template <int S>
  static inline Bytes weights(const uint8_t* body, int64_t step, int v) {
    const Bytes both = load_bytes(body + step / 2 * 4 * PANEL + 64 * v);
    return S ? high_nibbles(both) : low_nibbles(both);
  }
  static inline i32x16 base(const uint8_t* block, int v, int32_t sum) { return mul_small(load_u8(block + PANEL + 16 * v), -sum); }
  static inline i32x16 start(const uint8_t* block, int v, int32_t sum) { return SIXTEENFOLD ? base(block, v, sum) : broadcast_int(0); }
  static inline i32x16 accumulate(i32x16 acc, Bytes w, Bytes x) { return dot4(acc, w, x); }
  static inline i32x16 finish(i32x16 acc, const uint8_t* block, int v, int32_t sum) {
    return SIXTEENFOLD ? acc : add(times16(acc), base(block, v, sum));
  }
  static inline f32x16 scale(const uint8_t* block, int v) { return to_float(load_u8(block + 16 * v)); }
  static inline f32x16 whole(f32x16 sum, const uint8_t* panel, int v) { return mul(sum, load(reinterpret_cast<const float*>(panel) + 16 * v)); }
};

constexpr int64_t HEAD = 2 * PANEL;  // bytes of scales before the codes of a block

// A run of groups of one panel for a few tokens.
struct Groups {
  const uint8_t* panel;  // its head
  const uint8_t* block;  // the first group's first
  int64_t first, count;  // groups
  int64_t group;         // inputs
  int64_t inputs, bytes; // of a block
  Codes input;           // of the first token
  int64_t input_stride;  // bytes
  float* out;
  int64_t out_stride;    // floats
  int64_t rows;
  const float* bias;
  bool last;             // finishes the sums
  const uint8_t* ahead;  // what to fetch into the second cache meanwhile
  int64_t fetched;       // lines of it, a cache line each
};

template <class F, int S, int T, int V>
static inline void substep(const uint8_t* body, int64_t step, int v0, const int8_t* const* x, i32x16 (*acc)[V]) {
  Bytes w[V];
  for (int v = 0; v < V; ++v) w[v] = F::template weights<S>(body, step, v0 + v);
  for (int t = 0; t < T; ++t) {
    const Bytes four = broadcast_four(x[t] + 4 * (step + S));
    for (int v = 0; v < V; ++v) acc[t][v] = F::accumulate(acc[t][v], w[v], four);
  }
}

// The products of one block, of `inputs` activations from x on, whose sum is `totals`.
template <class F, int T, int V, bool FROM_MEMORY>
static inline void block_products(const uint8_t* block, int64_t inputs, int v0, const int8_t* const* x, const int32_t* totals, i32x16 (*acc)[V]) {
  if (FROM_MEMORY)
    for (int64_t i = 0; i < HEAD; i += 64) __builtin_prefetch(block + AHEAD + i);
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) acc[t][v] = F::start(block, v0 + v, totals[t]);
  const uint8_t* body = block + HEAD;
  for (int64_t step = 0; step < inputs / 4; step += 2) {
    if (FROM_MEMORY)
      for (int64_t i = 0; i < (F::format == INT4 ? 4 : 8) * PANEL; i += 64)
        __builtin_prefetch(body + step * (F::format == INT4 ? 2 : 4) * PANEL + AHEAD + i);
    substep<F, 0, T, V>(body, step, v0, x, acc);
    substep<F, 1, T, V>(body, step, v0, x, acc);
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) acc[t][v] = F::finish(acc[t][v], block, v0 + v, totals[t]);
}

// One group of BLOCKS blocks onto the sums.
template <int BLOCKS, class F, int T, int V, bool FROM_MEMORY>
static inline void add_group(const Groups& run, const uint8_t* block, int v0, const int8_t* const* x, const int32_t* const* totals, const float* scales,
                             f32x16 (*sums)[V]) {
  i32x16 acc[T][V];
  int32_t total[T];
  if constexpr (F::format == INT8) {
    for (int t = 0; t < T; ++t) total[t] = run.inputs == 2 * SUMMED ? totals[t][0] + totals[t][1] : totals[t][0];
    block_products<F, T, V, FROM_MEMORY>(block, run.inputs, v0, x, total, acc);
    for (int v = 0; v < V; ++v) {
      const f32x16 scale = F::scale(block, v0 + v);
      for (int t = 0; t < T; ++t) sums[t][v] = fma(to_float(acc[t][v]), mul(scale, broadcast(scales[t])), sums[t][v]);
    }
  } else {
    f32x16 whole[T][V];
    for (int b = 0; b < BLOCKS; ++b, block += run.bytes) {
      const int8_t* from[T];
      for (int t = 0; t < T; ++t) total[t] = totals[t][b], from[t] = x[t] + b * INT4_GROUP;
      block_products<F, T, V, FROM_MEMORY>(block, INT4_GROUP, v0, from, total, acc);
      for (int v = 0; v < V; ++v) {
        const f32x16 scale = F::scale(block, v0 + v);
        for (int t = 0; t < T; ++t) whole[t][v] = b ? fma(to_float(acc[t][v]), scale, whole[t][v]) : mul(to_float(acc[t][v]), scale);
      }
    }
    for (int t = 0; t < T; ++t)
      for (int v = 0; v < V; ++v) sums[t][v] = fma(whole[t][v], broadcast(scales[t]), sums[t][v]);
  }
}

template <int BLOCKS, class F, int T, int V, bool FROM_MEMORY>
static inline void strip(const Groups& run, int v0, const uint8_t* ahead, int64_t lines) {
  f32x16 sums[T][V];
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) {
      const int64_t at = 16 * (v0 + v);
      sums[t][v] = run.first ? load_first(run.out + t * run.out_stride + at, run.rows - at) : broadcast(0.0f);
    }
  const int8_t* x[T];
  const float* scales[T];
  const int32_t* totals[T];
  for (int t = 0; t < T; ++t) {
    const int64_t shift = t * run.input_stride;
    x[t] = run.input.codes + shift + run.first * run.group;
    scales[t] = reinterpret_cast<const float*>(reinterpret_cast<const char*>(run.input.scales) + shift) + run.first;
    totals[t] = reinterpret_cast<const int32_t*>(reinterpret_cast<const char*>(run.input.sums) + shift) + run.first * run.group / SUMMED;
  }
  const uint8_t* block = run.block;
  const int64_t each = (lines + run.count - 1) / run.count;
  for (int64_t g = 0; g < run.count; ++g, block += BLOCKS * run.bytes) {
    for (const uint8_t* until = ahead + 64 * (each < lines ? each : lines); ahead < until; ahead += 64, --lines) __builtin_prefetch(ahead, 0, 2);
    float scale[T];
    for (int t = 0; t < T; ++t) scale[t] = scales[t][g];
    add_group<BLOCKS, F, T, V, FROM_MEMORY>(run, block, v0, x, totals, scale, sums);
    for (int t = 0; t < T; ++t) x[t] += run.group, totals[t] += run.group / SUMMED;
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) {
      const int64_t at = 16 * (v0 + v);
      f32x16 value = run.last ? F::whole(sums[t][v], run.panel, v0 + v) : sums[t][v];
      if (run.last && run.bias) value = add(value, load(run.bias + at));
      if (run.rows > at) store_first(run.out + t * run.out_stride + at, value, run.rows - at);
    }
}

template <class F, int T, bool FROM_MEMORY>
static void run_tile(const Groups& run) {
  // Sums of two blocks do not fit the registers beside those of four vectors by four tokens; from memory they may wait.
  constexpr int V = T == 1 ? 4 : F::format == INT4 && T == 4 && VECTORS > 2 && !FROM_MEMORY ? 2 : VECTORS;
  const bool two = F::format == INT4 && run.group == 2 * INT4_GROUP;
  const int64_t lines = (run.fetched * V + 3) / 4;
  const uint8_t* ahead = run.ahead;
  for (int v0 = 0; v0 < 4; v0 += V, ahead += 64 * lines)
    two ? strip<2, F, T, V, FROM_MEMORY>(run, v0, ahead, lines) : strip<1, F, T, V, FROM_MEMORY>(run, v0, ahead, lines);
}

template <class F, bool FROM_MEMORY>
static inline void run_tile(const Groups& run, int64_t tokens) {
  switch (tokens) {
    case 1: return run_tile<F, 1, FROM_MEMORY>(run);
    case 2: return run_tile<F, 2, FROM_MEMORY>(run);
    case 3: return run_tile<F, 3, FROM_MEMORY>(run);
    default: return run_tile<F, 4, FROM_MEMORY>(run);
  }
}

template <class F>
static void run_format(const Stretch& stretch) {
  const Instruction& in = stretch.in;
  Groups run;
  run.group = input_group(in.width);
  run.inputs = group_of(F::format, in.width);
  run.bytes = group_bytes(F::format, run.inputs);
  run.panel = panel_of(F::format, stretch.part.weight, in.width, stretch.panel);
  run.input_stride = stretch.program.buffers[in.x].stride;
  run.out_stride = stretch.out_stride();
  run.rows = stretch.rows();
  run.bias = stretch.bias();
  const int64_t all = in.width / run.group, bytes = run.bytes * (run.group / run.inputs);
  const int64_t cut = stretch.last - stretch.first > INTEGER_TOKENS ? CUT / bytes : all;
  for (int64_t g = 0; g < all; g += cut) {
    run.block = run.panel + panel_head(F::format) + g * bytes;
    run.first = g;
    run.count = g + cut < all ? cut : all - g;
    run.last = g + run.count == all;
    // Many tokens read the stretch from the second cache, and fetch the one behind it, the next panel's perhaps.
    const int64_t tiles = (stretch.last - stretch.first + INTEGER_TOKENS - 1) / INTEGER_TOKENS;
    run.ahead = run.block + run.count * bytes;
    run.fetched = tiles > 1 ? (cut < all ? cut : all) * bytes / 64 / tiles + 1 : 0;
    for (int64_t t = stretch.first; t < stretch.last; t += INTEGER_TOKENS, run.ahead += 64 * run.fetched) {
      run.input = codes_of(row<void>(stretch.program, in.x, t), in.width, run.group);
      run.out = stretch.out(t);
      const int64_t tokens = stretch.last - t < INTEGER_TOKENS ? stretch.last - t : INTEGER_TOKENS;
      if (tiles == 1) run_tile<F, true>(run, tokens);
      else run_tile<F, false>(run, tokens);
    }
  }
}

void run_integers(const Stretch& stretch) {
  stretch.part.format == INT8 ? run_format<Int8>(stretch) : run_format<Int4>(stretch);
}

}  // namespace
