// A few tokens with bfloat16 where a product of pairs is two of float32. A short stretch of a panel stays in the first cache while
// they all read it, sixteen rows at a time, so that sums stay in registers; the stretch behind it is unpacked, or fetched, meanwhile, on the ports
// that multiply-adds leave. Words become float32 by being loaded: what lies in the upper half of four bytes is kept. Each output is
// the chain of widened.h.
#pragma once
#include "unroll.h"
#include "widened.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr int64_t SHORT = 32;       // steps of a stretch: 8 KB
constexpr int64_t MOST_FEW = 48;    // tokens that are few

// The steps of a plain panel, which are read where they lie. A half of a step has eight rows of each vector.
struct PlainSteps {
  const uint16_t* steps;

  // A page may be the first of its memory: what begins one is copied, since the word before it is read.
  inline const uint16_t* words(int64_t s, int64_t count, uint16_t* copied) const {
    const uint16_t* own = steps + s * STEP_WEIGHTS;
    if (s || uint64_t(own) % 4096) return own;
    __builtin_memcpy(copied, own, size_t(count * PLAIN_STEP));
    return copied;
  }
  inline void prepare(int64_t s, int64_t half, uint16_t*) const {
    const char* from = reinterpret_cast<const char*>(steps + s * STEP_WEIGHTS) + half * PLAIN_STEP / 2;
    for (int i = 0; i < PLAIN_STEP / 2; i += 64) __builtin_prefetch(from + AHEAD + i);
  }
  inline void mend(int64_t, int64_t, uint16_t*) {}
};

// Those of a packed one, which are unpacked.
struct PackedSteps {
  const uint8_t* steps;
  Exponents exponents;
  const Escape *next, *last;

  explicit PackedSteps(const PackedPanel& panel)
      : steps(reinterpret_cast<const uint8_t*>(panel.data)), exponents(load_exponents(panel.exponents)),
        next(reinterpret_cast<const Escape*>(panel.escapes)), last(next + panel.escape_count) {}
  inline const uint16_t* words(int64_t, int64_t, const uint16_t* unpacked) const { return unpacked; }
  inline void prepare(int64_t s, int64_t half, uint16_t* to) const {
    const uint8_t* step = steps + s * PACKED_STEP;
    __builtin_prefetch(step + AHEAD + 64 * half);
    if (half) __builtin_prefetch(step + AHEAD + 128);
    unpack_half(step, int(half), exponents, [&](int v, __m256i words) { _mm256_store_si256(reinterpret_cast<__m256i*>(to + 32 * v + 16 * half), words); });
  }
  // The weights of other exponents among `count` steps from `first` on.
  inline void mend(int64_t first, int64_t count, uint16_t* to) {
    for (; next < last && next->at < (first + count) * STEP_WEIGHTS; ++next) to[next->at - first * STEP_WEIGHTS] = uint16_t(next->value);
  }
};

// Halves of steps of the stretch behind, as far as there are any.
template <class Steps>
struct NextStretch {
  const Steps& source;
  int64_t first, half, halves;
  uint16_t* to;

  inline void prepare() {
    if (half < halves) source.prepare(first + half / 2, half % 2, to + half / 2 * STEP_WEIGHTS);
    ++half;
  }
};

// Inputs of a stretch as float32, the second and the first of each pair apart.
struct ShortInputs {
  float odd[MOST_FEW][SHORT], even[MOST_FEW][SHORT];

  inline void fill(const Stretch& run, int64_t s, int64_t steps) {
    for (int64_t t = 0; t < run.last - run.first; ++t) {
      const uint16_t* x = run.input<uint16_t>(run.first + t) + 2 * s;
      int64_t i = 0;
      for (; i + 16 <= steps; i += 16) {
        const Pairs pairs = load_pairs(x + 2 * i);
        store(odd[t] + i, pairs.odd), store(even[t] + i, pairs.even);
      }
      for (; i < steps; ++i) odd[t][i] = from_bf16(x[2 * i + 1]), even[t][i] = from_bf16(x[2 * i]);
    }
  }
};

// Sixteen pairs of words, of which the second is kept. What keeps it is read from memory where sums need all other registers.
alignas(32) static const uint32_t SECOND_WORD[8] = {0xffff0000u, 0xffff0000u, 0xffff0000u, 0xffff0000u, 0xffff0000u, 0xffff0000u, 0xffff0000u, 0xffff0000u};

template <bool FROM_MEMORY>
static inline __m256 second_of8(const uint16_t* p) {
  __m256 words = _mm256_loadu_ps(reinterpret_cast<const float*>(p));
  if (!FROM_MEMORY) return _mm256_and_ps(words, _mm256_castsi256_ps(_mm256_set1_epi32(int(SECOND_WORD[0]))));
  asm("vandps %1, %0, %0" : "+x"(words) : "m"(SECOND_WORD));
  return words;
}

// Not the intrinsic: GCC lets sums change their registers, until some have none.
static inline void add_products(f32x16& acc, f32x16 w, f32x16 x) {
  asm("vfmadd231ps %2, %1, %0" : "+x"(acc.low) : "x"(w.low), "x"(x.low));
  asm("vfmadd231ps %2, %1, %0" : "+x"(acc.high) : "x"(w.high), "x"(x.high));
}

template <int T, int V>
static inline __attribute__((always_inline)) void add_input(const uint16_t* weights, const float* inputs, f32x16 (&acc)[T][V]) {
  f32x16 w[V];
  CAUSERIE_UNROLL for (int v = 0; v < V; ++v) w[v] = {second_of8<T == TOKENS>(weights + 32 * v), second_of8<T == TOKENS>(weights + 32 * v + 16)};
  CAUSERIE_UNROLL for (int t = 0; t < T; ++t) {
    const f32x16 x = broadcast(inputs[t * SHORT]);
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) add_products(acc[t][v], w[v], x);
  }
}

// A stretch for V vectors of T tokens, while the next one is made ready where NEXT says so. To load the first words of pairs is to
// load those before them too, so that something must lie before the first step; its value is of no account.
template <int T, int V, bool NEXT, class Steps>
static __attribute__((noinline)) void short_strip(const uint16_t* weights, const float* odd, const float* even, int64_t steps, f32x16* sums, NextStretch<Steps>& following) {
  f32x16 acc[T][V];
  CAUSERIE_UNROLL for (int t = 0; t < T; ++t)
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) acc[t][v] = sums[t * WHOLE + v];
  NextStretch<Steps> next = following;
  if constexpr (NEXT) steps = SHORT;
  for (int64_t s = 0; s < steps; ++s) {
    if (NEXT && (V > 1 || s % 2 == 0)) next.prepare();
    add_input<T, V>(weights + s * STEP_WEIGHTS, odd + s, acc);
    add_input<T, V>(weights + s * STEP_WEIGHTS - 1, even + s, acc);
  }
  following.half = next.half;
  CAUSERIE_UNROLL for (int t = 0; t < T; ++t)
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) sums[t * WHOLE + v] = acc[t][v];
}

// A stretch for all rows of `tokens` tokens, six of them at most.
template <class Steps>
static inline void short_tile(const uint16_t* weights, const float* odd, const float* even, int64_t steps, int64_t tokens, f32x16* sums, bool whole, NextStretch<Steps>& next) {
  with_count<TOKENS>(tokens, [&](auto count) {
    constexpr int T = decltype(count)::value, V = T > 2 ? 1 : 2;
    for (int v = 0; v < WHOLE; v += V)
      if (whole) short_strip<T, V, true>(weights + 32 * v, odd, even, steps, sums + v, next);
      else short_strip<T, V, false>(weights + 32 * v, odd, even, steps, sums + v, next);
  });
}

template <class Steps>
static __attribute__((noinline)) void run_widened_few(const Stretch& run, Steps source, int64_t all) {
  alignas(64) uint16_t unpacked[2][32 + SHORT * STEP_WEIGHTS];  // scratch: what counts is written before it is read
  alignas(64) ShortInputs inputs;
  f32x16 sums[MOST_FEW][WHOLE];
  const int64_t tokens = run.last - run.first, tiles = (tokens + TOKENS - 1) / TOKENS;
  for (int64_t t = 0; t < tokens; ++t)
    for (f32x16& sum : sums[t]) sum = broadcast(0.0f);
  const auto length = [&](int64_t s) { return all - s < SHORT ? all - s : SHORT; };
  for (NextStretch<Steps> next{source, 0, 0, 2 * length(0), unpacked[0] + 32}; next.half < next.halves;) next.prepare();
  for (int64_t s = 0; s < all; s += SHORT) {
    const int64_t steps = length(s);
    uint16_t *own = unpacked[s / SHORT % 2] + 32, *other = unpacked[1 - s / SHORT % 2] + 32;
    source.mend(s, steps, own);
    inputs.fill(run, s, steps);
    const uint16_t* words = source.words(s, steps, own);
    NextStretch<Steps> next{source, s + SHORT, 0, 2 * length(s + SHORT), other};
    for (int64_t i = 0; i < tiles; ++i) {  // all of nearly as many tokens
      const int64_t begin = tokens * i / tiles, end = tokens * (i + 1) / tiles;
      short_tile(words, inputs.odd[begin], inputs.even[begin], steps, end - begin, sums[begin], i == 0 && s + SHORT < all, next);
    }
  }
  const int64_t rows = run.rows();
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t at = 0; at < rows; at += 16) {
      const f32x16 sum = sums[t][at / 16];
      store_first(run.out(run.first + t) + at, run.bias() ? add(sum, load(run.bias() + at)) : sum, rows - at);
    }
}
#else
constexpr int64_t MOST_FEW = 0;
struct PlainSteps {
  const uint16_t* steps;
};
struct PackedSteps {
  explicit PackedSteps(const PackedPanel&) {}
};
template <class Steps>
static inline void run_widened_few(const Stretch&, const Steps&, int64_t) {}
#endif

}  // namespace
