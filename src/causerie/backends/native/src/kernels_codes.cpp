// Matrices whose codes are turned into float32 while they are multiplied, with activations as they are: codes of a table, and
// numbers that a whole row has one scale for. Every output is a chain of multiply-adds over each group's inputs in order,
// and one more over groups:
//
//   y = Σ over groups of scale · Σ table[code] · x        y = (Σ code · x) · scale · factor        each + bias
#include "dispatch.h"
#include "linear.h"
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int CODE_TOKENS = TOKENS < 4 ? TOKENS : 4;

// A table of 16 values in registers: sixteen rows of one input, v of four.
struct Nibbles {
  static constexpr int64_t input_bytes = PANEL / 2;
  Table table;
  explicit Nibbles(const float* values) : table(load_table(values)) {}
  inline f32x16 values(const uint8_t* input, int v) const {
    const i32x16 both = load_u8(input + v % 2 * 16);
    return look_up(table, v < 2 ? both : high_codes(both));
  }
};

// And one of 256, which stays in memory.
struct Bytewise {
  static constexpr int64_t input_bytes = PANEL;
  const float* table;
  explicit Bytewise(const float* values) : table(values) {}
  inline f32x16 values(const uint8_t* input, int v) const {
    alignas(64) float lanes[16];
    for (int i = 0; i < 16; ++i) lanes[i] = table[input[16 * v + i]];
    return load(lanes);
  }
};

template <class F, int T, bool FROM_MEMORY>
static void lookup_tile(const Stretch& run, const uint8_t* panel, int64_t token) {
  constexpr int V = T == 1 ? 4 : VECTORS;
  const int64_t group = run.panels().group, bytes = group_bytes(run.panels()), rows = run.rows();
  const F table(reinterpret_cast<const float*>(run.part.weight));
  for (int v0 = 0; v0 < 4; v0 += V) {
    f32x16 sums[T][V];
    const float* x[T];
    for (int t = 0; t < T; ++t) {
      x[t] = run.input<float>(token + t);
      for (int v = 0; v < V; ++v) sums[t][v] = broadcast(0.0f);
    }
    const uint8_t* block = panel;
    for (int64_t k = 0; k < run.in.width; k += group, block += bytes) {
      const uint8_t* body = block + 4 * PANEL;
      f32x16 acc[T][V];
      for (int t = 0; t < T; ++t)
        for (int v = 0; v < V; ++v) acc[t][v] = broadcast(0.0f);
      if (FROM_MEMORY)
        for (int64_t i = 0; i < 4 * PANEL; i += 64) __builtin_prefetch(block + AHEAD + i);
      for (int64_t i = 0; i < group; ++i) {
        if (FROM_MEMORY) __builtin_prefetch(body + F::input_bytes * i + AHEAD);
        f32x16 w[V];
        for (int v = 0; v < V; ++v) w[v] = table.values(body + F::input_bytes * i, v0 + v);
        for (int t = 0; t < T; ++t)
          for (int v = 0; v < V; ++v) acc[t][v] = fma(w[v], broadcast(x[t][k + i]), acc[t][v]);
      }
      for (int v = 0; v < V; ++v) {
        const f32x16 scale = load(reinterpret_cast<const float*>(block) + 16 * (v0 + v));
        for (int t = 0; t < T; ++t) sums[t][v] = fma(acc[t][v], scale, sums[t][v]);
      }
    }
    for (int t = 0; t < T; ++t)
      for (int v = 0; v < V; ++v) {
        const int64_t at = 16 * (v0 + v);
        const f32x16 value = run.bias() ? add(sums[t][v], load(run.bias() + at)) : sums[t][v];
        if (rows > at) store_first(run.out(token + t) + at, value, rows - at);
      }
  }
}

template <int T, bool FROM_MEMORY>
static void row_tile(const Stretch& run, const uint8_t* panel, int64_t token) {
  constexpr int V = T == 1 ? 4 : VECTORS;
  const int64_t rows = run.rows();
  const f32x16 factor = broadcast(run.panels().factor);
  for (int v0 = 0; v0 < 4; v0 += V) {
    f32x16 sums[T][V];
    const float* x[T];
    for (int t = 0; t < T; ++t) {
      x[t] = run.input<float>(token + t);
      for (int v = 0; v < V; ++v) sums[t][v] = broadcast(0.0f);
    }
    const int8_t* codes = reinterpret_cast<const int8_t*>(panel + 4 * PANEL) + 16 * v0;
    for (int64_t k = 0; k < run.in.width; ++k, codes += PANEL) {
      if (FROM_MEMORY) __builtin_prefetch(codes + AHEAD);
      f32x16 w[V];
      for (int v = 0; v < V; ++v) w[v] = to_float(load_i8(codes + 16 * v));
      for (int t = 0; t < T; ++t)
        for (int v = 0; v < V; ++v) sums[t][v] = fma(w[v], broadcast(x[t][k]), sums[t][v]);
    }
    for (int t = 0; t < T; ++t)
      for (int v = 0; v < V; ++v) {
        const int64_t at = 16 * (v0 + v);
        const f32x16 scale = load(reinterpret_cast<const float*>(panel) + at);
        f32x16 value = mul(mul(sums[t][v], scale), factor);
        if (run.bias()) value = add(value, load(run.bias() + at));
        if (rows > at) store_first(run.out(token + t) + at, value, rows - at);
      }
  }
}

template <int T, bool FROM_MEMORY>
static inline void run_tile(const Stretch& run, const uint8_t* panel, int64_t token) {
  if (!run.panels().tabled) row_tile<T, FROM_MEMORY>(run, panel, token);
  else if (run.panels().bits == 4) lookup_tile<Nibbles, T, FROM_MEMORY>(run, panel, token);
  else lookup_tile<Bytewise, T, FROM_MEMORY>(run, panel, token);
}

void run_codes(const Stretch& run) {
  const uint8_t* panel = panel_of(run.panels(), run.part.weight, run.in.width, run.panel);
  for (int64_t t = run.first; t < run.last; t += CODE_TOKENS) {
    with_count<CODE_TOKENS>(run.last - t, [&](auto tokens) {
      constexpr int T = decltype(tokens)::value;
      t == run.first ? run_tile<T, true>(run, panel, t) : run_tile<T, false>(run, panel, t);
    });
  }
}

}  // namespace
