// Many tokens with int8 where products of bytes need signs turned, lest their sums overflow: four operations for 32 products, three of
// them on the ports of products. Products of 16 bits need two and two sums. So some inputs of a panel at a time are widened once for
// all tokens, into the second cache, and those of a few tokens once for all rows, into the first. Sums are exact in either way,
// and added up over groups as in kernels_integer.cpp.
#pragma once
#include "dispatch.h"
#include "linear.h"
#include "quantized.h"
#include "unroll.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

#if defined(__AVX2__) && !defined(__AVX512F__) && !defined(__AVXVNNI__)
constexpr bool WIDENS_INT8 = true;
constexpr int64_t WIDE_INPUTS = 1024;  // of a panel, 128 KB

// A step is four inputs: pairs of the first and third, and of the second and fourth. Of activations those of eight steps lie together.
struct WidePanel {
  alignas(64) int16_t codes[WHOLE][WIDE_INPUTS / 4][2][32];  // of each 16 rows: [steps][pairs][rows][2]
  alignas(64) float scales[WIDE_INPUTS / SUMMED][PANEL];     // of each group
  alignas(64) int16_t inputs[TOKENS][WIDE_INPUTS / SUMMED][2][HALF];
};

// Codes q + 128 of four inputs of 16 rows.
static inline void widen_step(const uint8_t* step, int v, int16_t (&to)[2][32]) {
  const __m256i center = _mm256_set1_epi16(128);
  for (int i = 0; i < 2; ++i) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(step + 64 * v) + i);
    const __m256i pairs[2] = {_mm256_and_si256(bytes, _mm256_set1_epi16(255)), _mm256_srli_epi16(bytes, 8)};
    for (int p = 0; p < 2; ++p) _mm256_store_si256(reinterpret_cast<__m256i*>(to[p]) + i, _mm256_sub_epi16(pairs[p], center));
  }
}

// Groups of `group` inputs each, from a block of a panel on.
static inline void widen_groups(const uint8_t* block, int64_t groups, int64_t group, WidePanel& to) {
  for (int64_t g = 0, s = 0; g < groups; ++g) {
    for (int v = 0; v < WHOLE; ++v) store(to.scales[g] + 16 * v, load_bf16(reinterpret_cast<const uint16_t*>(block) + 16 * v));
    block += 2 * PANEL;
    for (const int64_t end = s + group / 4; s < end; ++s, block += 4 * PANEL) {
      for (int64_t i = 0; i < 4 * PANEL; i += 64) __builtin_prefetch(block + AHEAD + i);
      for (int v = 0; v < WHOLE; ++v) widen_step(block, v, to.codes[v][s]);
    }
  }
}

static inline void widen_inputs(const int8_t* x, int64_t inputs, int16_t (*to)[2][HALF]) {
  for (int64_t k = 0; k < inputs; k += SUMMED, ++to) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + k));
    _mm256_store_si256(reinterpret_cast<__m256i*>(to[0][0]), _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8));
    _mm256_store_si256(reinterpret_cast<__m256i*>(to[0][1]), _mm256_srai_epi16(bytes, 8));
  }
}

static inline i32x16 broadcast_words(const int16_t* p) {
  int both;
  __builtin_memcpy(&both, p, 4);
  return broadcast_int(both);
}

// Not the intrinsics: GCC adds several products before it adds them to a sum, for which there are not registers enough.
static inline void add_words(__m256i& acc, __m256i a, __m256i b) {
  __m256i products;
  asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(acc), "=&x"(products) : "x"(a), "x"(b));
}

// A cut of a panel: its groups from `first` on.
struct WideCut {
  int64_t first, groups, group;
  bool last;
};

// Sixteen rows of T tokens, whose activations' scales begin at `scales`, `stride` bytes apart.
template <int T>
static __attribute__((noinline)) void wide_strip(const Stretch& run, const WideCut& cut, const WidePanel& wide, int64_t token, int v, const float* scales, int64_t stride) {
  f32x16 out[T];
  const int64_t at = 16 * v, rows = run.rows() - at;
  for (int t = 0; t < T; ++t) out[t] = begin_sums(run.out(token + t) + at, cut.first == 0, rows);
  const int64_t chunks = cut.group / SUMMED;
  const int16_t(*codes)[2][32] = wide.codes[v];
  for (int64_t g = 0; g < cut.groups; ++g) {
    i32x16 acc[T];
    CAUSERIE_UNROLL for (int t = 0; t < T; ++t) acc[t] = broadcast_int(0);
    for (int64_t c = g * chunks; c < (g + 1) * chunks; ++c)
      for (int s = 0; s < SUMMED / 4; ++s, ++codes)
        CAUSERIE_UNROLL for (int p = 0; p < 2; ++p) {
          const i32x16 w = load_int(reinterpret_cast<const int32_t*>(codes[0][p]));
          CAUSERIE_UNROLL for (int t = 0; t < T; ++t) {
            const i32x16 x = broadcast_words(wide.inputs[t][c][p] + 2 * s);
            add_words(acc[t].low, w.low, x.low), add_words(acc[t].high, w.high, x.high);
          }
        }
    const f32x16 scale = load(wide.scales[g] + at);
    CAUSERIE_UNROLL for (int t = 0; t < T; ++t) {
      const float own = reinterpret_cast<const float*>(reinterpret_cast<const char*>(scales + g) + t * stride)[0];
      out[t] = fma(to_float(acc[t]), mul(scale, broadcast(own)), out[t]);
    }
  }
  for (int t = 0; t < T; ++t) {
    if (cut.last && run.bias()) out[t] = add(out[t], load(run.bias() + at));
    if (rows > 0) store_first(run.out(token + t) + at, out[t], rows);
  }
}

static void run_widened_int8(const Stretch& run) {
  const CodePanels& panels = run.panels();
  const int64_t group = panels.input_group, all = run.in.width / group, most = WIDE_INPUTS / group, stride = run.program.buffers[run.in.x].stride;
  const int64_t tokens = run.last - run.first, tiles = (tokens + TOKENS - 1) / TOKENS;
  WidePanel wide;  // scratch: what is read is written before
  const uint8_t* block = panel_of(panels, run.part.weight, run.in.width, run.panel);
  for (int64_t g = 0; g < all; g += most) {
    const WideCut cut{.first = g, .groups = all - g < most ? all - g : most, .group = group, .last = all - g <= most};
    widen_groups(block + g * group_bytes(panels), cut.groups, group, wide);
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t begin = run.first + tokens * i / tiles, end = run.first + tokens * (i + 1) / tiles;
      with_count<TOKENS>(end - begin, [&](auto count) {
        constexpr int T = decltype(count)::value;
        const float* scales = nullptr;
        for (int t = T - 1; t >= 0; --t) {
          const Activations x = activations_from(row<void>(run.program, run.in.x, begin + t), run.in.length, group, run.part.column + g * group);
          widen_inputs(x.codes, cut.groups * group, wide.inputs[t]);
          scales = x.scales;
        }
        for (int v = 0; v < WHOLE; ++v) wide_strip<T>(run, cut, wide, begin, v, scales, stride);
      });
    }
  }
}
#else
constexpr bool WIDENS_INT8 = false;
static inline void run_widened_int8(const Stretch&) {}
#endif

}  // namespace
