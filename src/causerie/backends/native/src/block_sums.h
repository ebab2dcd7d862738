// Products of a group of weights with the activations that share a scale, as whole numbers, and what they are scaled by: the same
// operations in the same order wherever codes and numbers lie, in a panel or unpacked.
//
// A source of blocks has `Codes` (block_codes.h), says whether scales are `stepped` and whether something is added (`lows`), and
// gives of block b at a place: body; scale, low and zero of sixteen rows, or steps and low_steps with units and low_units;
// `fetch` is told that a block is read.
#pragma once
#include "block_codes.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// Where a group of activations begins in a cut: its number, and that of its first block.
struct CutPlace {
  int64_t group, block;
};

// The sums of products of a block, less what its codes are counted from.
template <class P, int T, int V>
static inline __attribute__((always_inline)) void centered_products(const P& source, const typename P::Place& at, int64_t b, int v0, const TileInputs<T>& tile, i32x16 (&acc)[T][V]) {
  source.fetch(at, b, v0);
  const int32_t* starts = tile.starts[at.cut.block + b];
  CAUSERIE_UNROLL for (int t = 0; t < T; ++t)
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) acc[t][v] = broadcast_int(starts[t]);
  const CodeRows x = tile.codes.from((at.cut.block + b) * source.shape.inputs);
  block_products<typename P::Codes, T, V, P::from_memory>(source.codes, source.body(at, b), source.shape.inputs, v0, x, acc);
}

// Scales of each block: out += scale of x · Σ over blocks of float(Σ q·x) · scale, with float(Σ x) · low, or with zero · Σ x
// inside of the whole number.
template <class P, int T, int V>
static inline __attribute__((always_inline)) void add_scaled(const P& source, const typename P::Place& at, int v0, const TileInputs<T>& tile, f32x16 (&out)[T][V]) {
  const BlockShape& shape = source.shape;
  f32x16 part[T][V];
  CAUSERIE_UNROLL for (int t = 0; t < T; ++t)
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) part[t][v] = broadcast(0.0f);
  for (int64_t b = 0; b < shape.blocks; ++b) {
    i32x16 acc[T][V];
    centered_products<P, T, V>(source, at, b, v0, tile, acc);
    const int32_t* sums = tile.sums[at.cut.block + b];
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) {
      if (P::lows && shape.whole_zeros) {
        const i32x16 zero = source.zero(at, b, v0 + v);
        CAUSERIE_UNROLL for (int t = 0; t < T; ++t) acc[t][v] = add(mul_low(acc[t][v], broadcast_int(shape.parts)), mul_low(zero, broadcast_int(sums[t])));
      } else if (P::lows) {
        const f32x16 low = source.low(at, b, v0 + v);
        CAUSERIE_UNROLL for (int t = 0; t < T; ++t) part[t][v] = fma(to_float(broadcast_int(sums[t])), low, part[t][v]);
      }
      const f32x16 scale = source.scale(at, b, v0 + v);
      CAUSERIE_UNROLL for (int t = 0; t < T; ++t) part[t][v] = fma(to_float(acc[t][v]), scale, part[t][v]);
    }
  }
  const float* own = tile.scales[at.cut.group];
  CAUSERIE_UNROLL for (int t = 0; t < T; ++t)
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) out[t][v] = fma(part[t][v], broadcast(own[t]), out[t][v]);
}

// out += float(whole) · (unit · scale of x)
template <int T, int V>
static inline __attribute__((always_inline)) void add_whole(const i32x16 (&whole)[T][V], const f32x16 (&unit)[V], const float* own, f32x16 (&out)[T][V]) {
  CAUSERIE_UNROLL for (int t = 0; t < T; ++t)
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) out[t][v] = fma(to_float(whole[t][v]), mul(unit[v], broadcast(own[t])), out[t][v]);
}

// Σ over blocks of low steps · Σ x. Both fit sixteen bits, of which the upper ones of the sum are none.
template <class P, int T, int V>
static inline __attribute__((always_inline)) void sum_lows(const P& source, const typename P::Place& at, int v0, const TileInputs<T>& tile, i32x16 (&whole)[T][V]) {
  for (int64_t b = 0; b < source.shape.blocks; ++b) {
    const int32_t* sums = tile.sums[at.cut.block + b];
    i32x16 steps[V];
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) steps[v] = source.low_steps(at, b, v0 + v);
    CAUSERIE_UNROLL for (int t = 0; t < T; ++t) {
      const i32x16 sum = broadcast_int(sums[t] & 0xffff);
      CAUSERIE_UNROLL for (int v = 0; v < V; ++v) whole[t][v] = dot2(whole[t][v], steps[v], sum);
    }
  }
}

// Steps of each block, as whole numbers to the end: out += float(Σ over blocks of steps · Σ q·x) · (unit · scale of x), and before
// that the same of low steps · Σ x.
template <class P, int T, int V>
static inline __attribute__((always_inline)) void add_stepped(const P& source, const typename P::Place& at, int v0, const TileInputs<T>& tile, f32x16 (&out)[T][V]) {
  const float* own = tile.scales[at.cut.group];
  i32x16 whole[T][V];
  f32x16 unit[V];
  const auto clear = [&] {
    CAUSERIE_UNROLL for (int t = 0; t < T; ++t)
      CAUSERIE_UNROLL for (int v = 0; v < V; ++v) whole[t][v] = broadcast_int(0);
  };
  clear();
  if constexpr (P::lows) {
    sum_lows<P, T, V>(source, at, v0, tile, whole);
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) unit[v] = source.low_unit(at, v0 + v);
    add_whole<T, V>(whole, unit, own, out);
    clear();
  }
  for (int64_t b = 0; b < source.shape.blocks; ++b) {
    i32x16 acc[T][V];
    centered_products<P, T, V>(source, at, b, v0, tile, acc);
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) {
      const i32x16 steps = source.steps(at, b, v0 + v);
      CAUSERIE_UNROLL for (int t = 0; t < T; ++t) whole[t][v] = add(whole[t][v], mul_low(acc[t][v], steps));
    }
  }
  CAUSERIE_UNROLL for (int v = 0; v < V; ++v) unit[v] = source.unit(at, v0 + v);
  add_whole<T, V>(whole, unit, own, out);
}

template <class P, int T, int V>
static inline __attribute__((always_inline)) void add_group(const P& source, const typename P::Place& at, int v0, const TileInputs<T>& tile, f32x16 (&out)[T][V]) {
  if constexpr (P::stepped) add_stepped<P, T, V>(source, at, v0, tile, out);
  else add_scaled<P, T, V>(source, at, v0, tile, out);
}

// The activations of T tokens at a cut of `inputs` from input k on.
template <class P, int T>
static inline TileInputs<T> tile_inputs(const P& source, const Stretch& run, int64_t token, int64_t k, int64_t inputs) {
  const Activations first = activations_from(row<void>(run.program, run.in.x, token), run.in.length, source.shape.group, run.part.column + k);
  return TileInputs<T>(first, run.program.buffers[run.in.x].stride, source.shape, inputs, P::Codes::bias - source.shape.center);
}

// The sums of T tokens, times the factor of whole numbers that codes name, with biases, to where they belong.
template <int T, int V>
static inline void finish_sums(const Stretch& run, int64_t token, int v0, const f32x16 (&sums)[T][V]) {
  const f32x16 factor = broadcast(run.panels().factor);
  const int64_t rows = run.rows();
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) {
      const int64_t at = 16 * (v0 + v);
      f32x16 value = mul(sums[t][v], factor);
      if (run.bias()) value = add(value, load(run.bias() + at));
      if (rows > at) store_first(run.out(token + t) + at, value, rows - at);
    }
}

}  // namespace
