// Matrices whose codes are turned into float32 while they are multiplied, with activations as they are: lookup4 (nf4, fp4)
// and row_int8. Every output is a chain of multiply-adds over each group's inputs in order, and one more over groups:
//
//   y = Σ over groups of absmax · Σ table[code] · x        y = (Σ code · x) · scale · (1 / 127)        each + bias
#include "dispatch.h"
#include "linear.h"
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int CODE_TOKENS = TOKENS < 4 ? TOKENS : 4;

// Sixteen rows of one input, v of four.
static inline i32x16 lookup_codes(const uint8_t* input, int v) {
  const i32x16 both = load_u8(input + v % 2 * 16);
  return v < 2 ? both : high_codes(both);
}

template <int T, bool FROM_MEMORY>
static void lookup_tile(const Stretch& run, const uint8_t* panel, int64_t token) {
  constexpr int V = T == 1 ? 4 : VECTORS;
  const int64_t group = group_of(LOOKUP4, run.in.width), bytes = group_bytes(LOOKUP4, group), rows = run.rows();
  const Table table = load_table(reinterpret_cast<const float*>(run.part.weight));
  for (int v0 = 0; v0 < 4; v0 += V) {
    f32x16 sums[T][V];
    const float* x[T];
    for (int t = 0; t < T; ++t) {
      x[t] = row<const float>(run.program, run.in.x, token + t);
      for (int v = 0; v < V; ++v) sums[t][v] = broadcast(0.0f);
    }
    const uint8_t* block = panel;
    for (int64_t k = 0; k < run.in.width; k += group, block += bytes) {
      const uint8_t* body = block + group_head(LOOKUP4);
      f32x16 acc[T][V];
      for (int t = 0; t < T; ++t)
        for (int v = 0; v < V; ++v) acc[t][v] = broadcast(0.0f);
      if (FROM_MEMORY)
        for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(block + AHEAD + i);
      for (int64_t i = 0; i < group; ++i) {
        f32x16 w[V];
        for (int v = 0; v < V; ++v) w[v] = look_up(table, lookup_codes(body + 32 * i, v0 + v));
        for (int t = 0; t < T; ++t)
          for (int v = 0; v < V; ++v) acc[t][v] = fma(w[v], broadcast(x[t][k + i]), acc[t][v]);
      }
      for (int v = 0; v < V; ++v) {
        const f32x16 absmax = load(reinterpret_cast<const float*>(block) + 16 * (v0 + v));
        for (int t = 0; t < T; ++t) sums[t][v] = fma(acc[t][v], absmax, sums[t][v]);
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
static void row_int8_tile(const Stretch& run, const uint8_t* panel, int64_t token) {
  constexpr int V = T == 1 ? 4 : VECTORS;
  const int64_t rows = run.rows();
  for (int v0 = 0; v0 < 4; v0 += V) {
    f32x16 sums[T][V];
    const float* x[T];
    for (int t = 0; t < T; ++t) {
      x[t] = row<const float>(run.program, run.in.x, token + t);
      for (int v = 0; v < V; ++v) sums[t][v] = broadcast(0.0f);
    }
    const int8_t* codes = reinterpret_cast<const int8_t*>(panel + group_head(ROW_INT8)) + 16 * v0;
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
        f32x16 value = mul(mul(sums[t][v], scale), broadcast(ROW_INT8_STEP));
        if (run.bias()) value = add(value, load(run.bias() + at));
        if (rows > at) store_first(run.out(token + t) + at, value, rows - at);
      }
  }
}

template <int T, bool FROM_MEMORY>
static inline void run_tile(const Stretch& run, const uint8_t* panel, int64_t token) {
  if (run.part.format == LOOKUP4) lookup_tile<T, FROM_MEMORY>(run, panel, token);
  else row_int8_tile<T, FROM_MEMORY>(run, panel, token);
}

void run_codes(const Stretch& run) {
  const uint8_t* panel = panel_of(run.part.format, run.part.weight, run.in.width, run.panel);
  for (int64_t t = run.first; t < run.last; t += CODE_TOKENS) {
    with_count<CODE_TOKENS>(run.last - t, [&](auto tokens) {
      constexpr int T = decltype(tokens)::value;
      t == run.first ? run_tile<T, true>(run, panel, t) : run_tile<T, false>(run, panel, t);
    });
  }
}

}  // namespace
