// Matrices of our own formats in 8 or 4 bits. Activations are quantized to 8 bits, a scale for each group of them (quantized.h), so
// that products that share both scales are summed as integers, exactly; then ONE fma a group and output, over groups in order:
// the same bits for one token or many. Scales that are bytes stay integers in all of it. Other formats: kernels_blocks.cpp.
//
//   bfloat16   y = Σ over groups of float(Σ q·x) · (scale · scale of x), + bias
//   bytes      y = unit / 16 · Σ over groups of float(Σ over blocks of 16 scale · Σ (code - 8)·x + scale · (128 - zero) · Σ x)
//                  · scale of x, + bias
//
// Of a block with a byte Σ (code - 8)·x and Σ x fit 16 bits each: one lane holds both, and one product of pairs multiplies them by
// the two factors. 128 inputs take 32 products and five operations more on the ports of products.
#include "dispatch.h"
#include "integer_formats.h"
#include "unroll.h"
#include "widened_int8.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t CUT = 64 * 1024;  // bytes of a panel before the next tile of tokens: they stay in the second cache
#if defined(__AVXVNNI__) && !defined(__AVX512F__)
constexpr int INTEGER_TOKENS = TOKENS;
#else
constexpr int INTEGER_TOKENS = TOKENS < 4 ? TOKENS : 4;  // sums and scales take registers too: six were slower
#endif

// Cache lines that are fetched into the second cache, `each` with every block.
struct Fetch {
  const uint8_t* next;
  int64_t each;

  inline void some() {
    for (int64_t i = 0; i < each; ++i, next += 64) __builtin_prefetch(next, 0, 2);
  }
};

template <class F, int S, int T, int V, class Sums>
static inline void substep(const F& format, const uint8_t* body, int64_t step, int v0, const Input& in, const int8_t* x, Sums (*acc)[V]) {
  Bytes w[V];
  for (int v = 0; v < V; ++v) w[v] = format.template weights<S>(body, step, v0 + v);
  for (int t = 0; t < T; ++t) {
    const Bytes four = broadcast_four(in.of(x, t) + 4 * (step + S));
    for (int v = 0; v < V; ++v) acc[t][v] = F::accumulate(acc[t][v], w[v], four);
  }
}

// Adds the products of one block, of `inputs` activations from x on.
template <class F, int T, int V, bool FROM_MEMORY, class Sums>
static inline void block_products(const F& format, const uint8_t* block, int64_t inputs, int v0, const Input& in, const int8_t* x, Fetch& ahead, Sums (*acc)[V]) {
  if (!FROM_MEMORY) ahead.some();
  if (FROM_MEMORY)
    for (int64_t i = 0; i < F::head; i += 64) __builtin_prefetch(block + AHEAD + i);
  const uint8_t* body = block + F::head;
  const uint8_t* own = V == WHOLE ? body : body + 64 * v0;  // the lines of these vectors
  if (FROM_MEMORY) asm("" : "+r"(inputs));  // a number that the compiler knows lets it fetch the whole block at once
  for (int64_t step = 0; step < inputs / 4; step += 2) {
    if (FROM_MEMORY)
      for (int64_t i = 0; i < 2 * F::step_bytes; i += 64 * WHOLE)
        for (int v = 0; v < V; ++v) __builtin_prefetch(own + step * F::step_bytes + AHEAD + i + 64 * v);
    substep<F, 0, T, V>(format, body, step, v0, in, x, acc);
    substep<F, 1, T, V>(format, body, step, v0, in, x, acc);
  }
}

// One group onto the sums.
template <int T, int V, bool FROM_MEMORY>
static inline void add_group(const Int8& format, const Groups& run, int64_t g, int v0, const Input& in, Fetch& ahead, f32x16 (*out)[V]) {
  const uint8_t* block = run.block + g * run.bytes;
  i32x16 acc[T][V];
  for (int t = 0; t < T; ++t) {
    const int32_t* sums = in.of(in.sums, t);
    const int32_t sum = run.inputs == 2 * SUMMED ? sum_of(sums[0]) + sum_of(sums[1]) : sum_of(sums[0]);
    for (int v = 0; v < V; ++v) acc[t][v] = broadcast_int(-BIAS * sum);
  }
  block_products<Int8, T, V, FROM_MEMORY>(format, block, run.inputs, v0, in, in.x, ahead, acc);
  for (int v = 0; v < V; ++v) {
    const f32x16 scale = load_bf16(reinterpret_cast<const uint16_t*>(block) + 16 * (v0 + v));
    for (int t = 0; t < T; ++t) out[t][v] = fma(to_float(acc[t][v]), mul(scale, broadcast(*in.of(in.scales, t))), out[t][v]);
  }
}

// The products of one block of int4 where codes stay in registers: tokens take turns, their sums of half a block wait in the
// first cache.
template <int T, int V, bool FROM_MEMORY>
static inline void add_nibble_block(const uint8_t* block, int v, const Input& in, int64_t b, i32x16 factors, Fetch& ahead, i32x16 (*whole)[V]) {
  constexpr int64_t STRIDE = 2 * Int4::step_bytes;  // of eight inputs
  const uint8_t* body = block + Int4::head + 64 * v;
  if (!FROM_MEMORY) ahead.some();
  if (FROM_MEMORY && v == 0)
    for (int64_t i = 0; i < Int4::head; i += 64) __builtin_prefetch(block + AHEAD + i);
  if (FROM_MEMORY)
    for (int64_t i = 0; i < INT4_GROUP / 8; ++i) __builtin_prefetch(body + AHEAD + i * STRIDE);
  const int8_t* x = in.x + b * INT4_GROUP;
  NibbleSums begun[T];
  const Nibbles first = load_nibbles(body, STRIDE);
  CAUSERIE_ROLLED for (int t = 0; t < T; ++t) begun[t] = dot_nibbles(first, in.of(x, t));
  const Nibbles second = load_nibbles(body + 2 * STRIDE, STRIDE);
  CAUSERIE_ROLLED for (int t = 0; t < T; ++t) {
    const i32x16 sum = end_nibbles(add(begun[t], dot_nibbles(second, in.of(x, t) + INT4_GROUP / 2)), in.of(in.sums, t)[b]);
    whole[t][0] = dot2(whole[t][0], signed_low(sum), factors);
  }
}

template <int T, int V, bool FROM_MEMORY>
static inline void add_group(const Int4& format, const Groups& run, int64_t g, int v0, const Input& in, Fetch& ahead, f32x16 (*out)[V]) {
  i32x16 whole[T][V];
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) whole[t][v] = broadcast_int(0);
  const int64_t first = g * run.blocks;
  const uint8_t* block = run.block + first * INT4_BYTES;
  for (int64_t b = 0; b < run.blocks; ++b, block += INT4_BYTES) {
    const auto factors = [&](int v) {
      return FROM_MEMORY ? Int4::factors(block, v0 + v) : load_int(run.factors + (first + b) * PANEL + 16 * (v0 + v));
    };
    if constexpr (NIBBLES_STAY && T > 3) {  // sums of fewer find room in registers
      add_nibble_block<T, V, FROM_MEMORY>(block, v0, in, b, factors(0), ahead, whole);
      continue;
    }
    NibbleSums acc[T][V];
    for (int t = 0; t < T; ++t)
      for (int v = 0; v < V; ++v) acc[t][v] = begin_nibbles(in.of(in.sums, t)[b]);
    block_products<Int4, T, V, FROM_MEMORY>(format, block, INT4_GROUP, v0, in, in.x + b * INT4_GROUP, ahead, acc);
    for (int v = 0; v < V; ++v) {
      const i32x16 factor = factors(v);
      for (int t = 0; t < T; ++t) whole[t][v] = dot2(whole[t][v], signed_low(end_nibbles(acc[t][v], in.of(in.sums, t)[b])), factor);
    }
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) out[t][v] = fma(to_float(whole[t][v]), broadcast(*in.of(in.scales, t)), out[t][v]);
}

// Some vectors of a tile. `lines` cache lines from `ahead` on are fetched meanwhile, some with each block.
template <class F, int T, int V, bool FROM_MEMORY>
static __attribute__((noinline)) void strip(const Groups& run, int v0, const uint8_t* ahead, int64_t lines) {
  const F format;
  f32x16 out[T][V];
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) {
      const int64_t at = 16 * (v0 + v);
      out[t][v] = begin_sums(run.out + t * run.out_stride + at, run.first == 0, run.rows - at);
    }
  Input in(run.input, run.input_stride);
  in.skip(run.first, run.group);
  Fetch fetch{ahead, (lines + run.count * run.blocks - 1) / (run.count * run.blocks)};
  for (int64_t g = 0; g < run.count; ++g) {
    add_group<T, V, FROM_MEMORY>(format, run, g, v0, in, fetch, out);
    in.advance(run.group);
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) {
      const int64_t at = 16 * (v0 + v);
      f32x16 value = run.last ? format.whole(out[t][v], run.panel, v0 + v) : out[t][v];
      if (run.last && run.bias) value = add(value, load(run.bias + at));
      if (run.rows > at) store_first(run.out + t * run.out_stride + at, value, run.rows - at);
    }
}

// A whole panel for few tokens, read from memory once. Where V is less than all of its vectors, they take turns group by group,
// so that the arithmetic hides under the reading; the sums wait in the first cache meanwhile.
template <class F, int T, int V>
static __attribute__((noinline)) void few(const Groups& run) {
  const F format;
  f32x16 out[WHOLE / V][T][V];
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < WHOLE; ++v) out[v / V][t][v % V] = begin_sums(run.out + t * run.out_stride + 16 * v, true, run.rows - 16 * v);
  Input in(run.input, run.input_stride);
  Fetch nothing{nullptr, 0};
  for (int64_t g = 0; g < run.count; ++g) {
    for (int v0 = 0; v0 < WHOLE; v0 += V) add_group<T, V, true>(format, run, g, v0, in, nothing, out[v0 / V]);
    in.advance(run.group);
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < WHOLE; ++v) {
      const int64_t at = 16 * v;
      f32x16 value = format.whole(out[v / V][t][v % V], run.panel, v);
      if (run.bias) value = add(value, load(run.bias + at));
      if (run.rows > at) store_first(run.out + t * run.out_stride + at, value, run.rows - at);
    }
}

template <class F, int T, int V, bool FROM_MEMORY>
static inline void run_strips(const Groups& run) {
  const int64_t lines = (run.fetched * V + run.vectors - 1) / run.vectors;
  const uint8_t* ahead = run.ahead;
  for (int v0 = run.vector; v0 < run.vector + run.vectors; v0 += V, ahead += 64 * lines) strip<F, T, V, FROM_MEMORY>(run, v0, ahead, lines);
}

template <class F, int T, bool FROM_MEMORY>
static void run_tile(const Groups& run) {
  // Two kinds of sums do not fit the registers beside those of four vectors by four tokens.
  constexpr int V = T == 1 ? WHOLE : F::bytes && T > 2 && VECTORS > 2 ? 2 : VECTORS;
  if constexpr (F::bytes && V > WHOLE / 2)
    if (run.vectors < V) return run_strips<F, T, WHOLE / 2, FROM_MEMORY>(run);
  run_strips<F, T, V, FROM_MEMORY>(run);
}

// The factors of a run's blocks, of the vectors that are wanted. What they are made of lies far apart: asked for at once.
static void note_factors(const Groups& run, int32_t* factors) {
  const int64_t blocks = run.count * run.blocks;
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t i = 0; i < Int4::head; i += 64) __builtin_prefetch(run.block + b * INT4_BYTES + i);
  for (int64_t b = 0; b < blocks; ++b)
    for (int v = run.vector; v < run.vector + run.vectors; ++v)
      store_int(factors + b * PANEL + 16 * v, Int4::factors(run.block + b * INT4_BYTES, v));
}

// Large tiles are made even, since a tile of two tokens would wait for its sums.
static inline int64_t tile_begin(const Stretch& stretch, int64_t tile, int64_t tiles) {
  const int64_t tokens = stretch.last - stretch.first, whole = INTEGER_TOKENS * tile;
  return stretch.first + (INTEGER_TOKENS > 4 ? tokens * tile / tiles : whole < tokens ? whole : tokens);
}

template <class F>
static void run_format(const Stretch& stretch) {
  const Instruction& in = stretch.in;
  const CodePanels& panels = stretch.panels();
  const int64_t group = panels.input_group, inputs = panels.group;
  alignas(64) int32_t factors[CUT / INT4_BYTES * PANEL];  // scratch: note_factors writes what is read
  Groups run{
      .panel = panel_of(panels, stretch.part.weight, in.width, stretch.panel),
      .factors = factors,
      .group = group,
      .blocks = group / inputs,
      .inputs = inputs,
      .bytes = group_bytes(panels),
      .input_stride = stretch.program.buffers[in.x].stride,
      .out_stride = stretch.out_stride(),
      .rows = stretch.rows(),
      .bias = stretch.bias(),
      .vector = stretch.vector,
      .vectors = stretch.vectors,
  };
  const int64_t all = in.width / run.group, bytes = run.bytes * run.blocks;
  const int64_t tokens = stretch.last - stretch.first;
  if (tokens > 1 && tokens <= F::few && run.vectors == WHOLE) {
    run.block = run.panel + panel_head(panels);
    run.count = all;
    run.input = activations_from(row<void>(stretch.program, in.x, stretch.first), in.length, group, stretch.part.column);
    run.out = stretch.out(stretch.first);
    return with_count<F::few>(tokens, [&](auto count) {
      constexpr int T = decltype(count)::value;
      few<F, T, T == 1 ? WHOLE : (T > 4 && VECTORS > 2) ? 2 : VECTORS>(run);
    });
  }
  const int64_t tiles = (tokens + INTEGER_TOKENS - 1) / INTEGER_TOKENS;
  const int64_t cut = tokens > 1 ? CUT / bytes : all;
  for (int64_t g = 0; g < all; g += cut) {
    run.block = run.panel + panel_head(panels) + g * bytes;
    run.first = g;
    run.count = g + cut < all ? cut : all - g;
    run.last = g + run.count == all;
    if constexpr (F::bytes)
      if (tokens > 1) note_factors(run, factors);
    // Many tokens read the stretch from the second cache, and fetch the one behind it, the next panel's perhaps.
    run.ahead = run.block + run.count * bytes;
    run.fetched = tokens > 1 ? (cut < all ? cut : all) * bytes / 64 / tiles + 1 : 0;
    for (int64_t i = 0; i < tiles; ++i, run.ahead += 64 * run.fetched) {
      const int64_t begin = tile_begin(stretch, i, tiles), end = tile_begin(stretch, i + 1, tiles);
      run.input = activations_from(row<void>(stretch.program, in.x, begin), in.length, run.group, stretch.part.column);
      run.out = stretch.out(begin);
      if (tokens == 1) return run_tile<F, 1, true>(run);
      with_count<INTEGER_TOKENS>(end - begin, [&](auto count) { run_tile<F, decltype(count)::value, false>(run); });
    }
  }
}

bool splits(const CodePanels& panels, int64_t tokens) { return panels.scale == SCALE_BYTE && tokens > Int4::few; }

void run_integers(const Stretch& stretch) {
  if (stretch.panels().scale == SCALE_BYTE) return run_format<Int4>(stretch);
  WIDENS_INT8 && stretch.last - stretch.first > 2 * TOKENS ? run_widened_int8(stretch) : run_format<Int8>(stretch);
}

}  // namespace
