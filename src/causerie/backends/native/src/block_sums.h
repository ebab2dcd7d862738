// Products of a group of weights with the activations that share a scale, as whole numbers, and what they are scaled by: the same
// operations in the same order wherever codes and numbers lie, in a panel or unpacked.
//
// A source of blocks has `Codes` (block_codes.h), says whether scales are `stepped` and whether something is added (`lows`), and
// gives of block b at a place: body; scale, low and zero of sixteen rows, or steps and low_steps with units and low_units;
// `fetch` is told that a block is read.
#pragma once
#include "block_codes.h"
#include "linear.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// What all blocks of a matrix have in common.
struct BlockShape {
  int64_t group, blocks, inputs;  // activations that share a scale, blocks of them, and inputs of a block
  int32_t center, parts;
  bool whole_zeros;               // whether what is added is a whole number times the sum of activations

  explicit BlockShape(const CodePanels& panels)
      : group(panels.input_group), blocks(panels.input_group / panels.group), inputs(panels.group), center(panels.center),
        parts(panels.zero == ZERO_PARTS ? panels.parts : 1), whole_zeros(panels.zero == ZERO_PARTS || panels.zero == ZERO_BYTE) {}
};

// The sums of products of a block, less what its codes are counted from.
template <class P, int T, int V>
static inline void centered_products(const P& source, const typename P::Place& at, int64_t b, int v0, const Input& in, const int32_t* sums, i32x16 (*acc)[V]) {
  const BlockShape& shape = source.shape;
  source.fetch(at, b, v0);
  for (int t = 0; t < T; ++t) {
    const i32x16 start = broadcast_int((P::Codes::bias - shape.center) * sums[t]);
    for (int v = 0; v < V; ++v) acc[t][v] = start;
  }
  block_products<typename P::Codes, T, V, P::from_memory>(source.codes, source.body(at, b), shape.inputs, v0, in, in.x + b * shape.inputs, acc);
}

// Scales of each block: out += scale of x · Σ over blocks of float(Σ q·x) · scale, with float(Σ x) · low, or with zero · Σ x
// inside of the whole number.
template <class P, int T, int V>
static inline void add_scaled(const P& source, const typename P::Place& at, int v0, const Input& in, f32x16 (*out)[V]) {
  const BlockShape& shape = source.shape;
  f32x16 part[T][V];
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) part[t][v] = broadcast(0.0f);
  for (int64_t b = 0; b < shape.blocks; ++b) {
    int32_t sums[T];
    i32x16 acc[T][V];
    for (int t = 0; t < T; ++t) sums[t] = in.sum(t, b * shape.inputs, shape.inputs);
    centered_products<P, T, V>(source, at, b, v0, in, sums, acc);
    for (int v = 0; v < V; ++v) {
      if (P::lows && shape.whole_zeros) {
        const i32x16 zero = source.zero(at, b, v0 + v);
        for (int t = 0; t < T; ++t) acc[t][v] = add(mul_low(acc[t][v], broadcast_int(shape.parts)), mul_low(zero, broadcast_int(sums[t])));
      } else if (P::lows) {
        const f32x16 low = source.low(at, b, v0 + v);
        for (int t = 0; t < T; ++t) part[t][v] = fma(broadcast(float(sums[t])), low, part[t][v]);
      }
      const f32x16 scale = source.scale(at, b, v0 + v);
      for (int t = 0; t < T; ++t) part[t][v] = fma(to_float(acc[t][v]), scale, part[t][v]);
    }
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) out[t][v] = fma(part[t][v], broadcast(*in.of(in.scales, t)), out[t][v]);
}

// Steps of each block, as whole numbers to the end: out += float(Σ over blocks of steps · Σ q·x) · (unit · scale of x), and before
// that the same of low steps · Σ x.
template <class P, int T, int V>
static inline void add_stepped(const P& source, const typename P::Place& at, int v0, const Input& in, f32x16 (*out)[V]) {
  const BlockShape& shape = source.shape;
  i32x16 whole[T][V];
  const auto clear = [&] {
    for (int t = 0; t < T; ++t)
      for (int v = 0; v < V; ++v) whole[t][v] = broadcast_int(0);
  };
  const auto scale_up = [&](const auto& unit_of) {
    for (int v = 0; v < V; ++v) {
      const f32x16 unit = unit_of(v0 + v);
      for (int t = 0; t < T; ++t) out[t][v] = fma(to_float(whole[t][v]), mul(unit, broadcast(*in.of(in.scales, t))), out[t][v]);
    }
  };
  clear();
  if constexpr (P::lows) {
    for (int64_t b = 0; b < shape.blocks; ++b) {
      i32x16 steps[V];
      for (int v = 0; v < V; ++v) steps[v] = source.low_steps(at, b, v0 + v);
      for (int t = 0; t < T; ++t) {  // both fit sixteen bits, of which the upper ones of the sum are none
        const i32x16 sum = broadcast_int(in.sum(t, b * shape.inputs, shape.inputs) & 0xffff);
        for (int v = 0; v < V; ++v) whole[t][v] = dot2(whole[t][v], steps[v], sum);
      }
    }
    scale_up([&](int v) { return source.low_unit(at, v); });
    clear();
  }
  for (int64_t b = 0; b < shape.blocks; ++b) {
    int32_t sums[T];
    i32x16 acc[T][V];
    for (int t = 0; t < T; ++t) sums[t] = shape.center || P::Codes::bias ? in.sum(t, b * shape.inputs, shape.inputs) : 0;
    centered_products<P, T, V>(source, at, b, v0, in, sums, acc);
    for (int v = 0; v < V; ++v) {
      const i32x16 steps = source.steps(at, b, v0 + v);
      for (int t = 0; t < T; ++t) whole[t][v] = add(whole[t][v], mul_low(acc[t][v], steps));
    }
  }
  scale_up([&](int v) { return source.unit(at, v); });
}

template <class P, int T, int V>
static inline void add_group(const P& source, const typename P::Place& at, int v0, const Input& in, f32x16 (*out)[V]) {
  if constexpr (P::stepped) add_stepped<P, T, V>(source, at, v0, in, out);
  else add_scaled<P, T, V>(source, at, v0, in, out);
}

// The sums of T tokens, times the factor of whole numbers that codes name, with biases, to where they belong.
template <int T, int V>
static inline void finish_sums(const Stretch& run, int64_t token, int v0, const f32x16 (*sums)[V]) {
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
