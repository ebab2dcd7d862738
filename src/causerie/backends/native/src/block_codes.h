// Codes of a block of a panel (code_panels.h) as bytes that products are made of: sixteen rows of four inputs at a time, which is
// a step. Steps come in chunks, that planes of bits are shared by.
//
// What a byte stands for is `bias` more than what `accumulate` adds products of. Bytes that may be 128 or more are biased,
// since not all machines have products for them.
#pragma once
#include "block_inputs.h"
#include "simd_bytes.h"
#include "unroll.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

template <bool BIASED>
struct Products {
  static constexpr int32_t bias = BIASED ? 128 - BIAS : 0;
  static inline i32x16 accumulate(i32x16 acc, Bytes w, Bytes x) { return BIASED ? dot4_biased(acc, w, x) : dot4(acc, w, x); }
};

// Bytes, so many steps of which come together.
template <bool BIASED, int STEPS>
struct Octets : Products<BIASED> {
  static constexpr int steps = STEPS;
  static constexpr int64_t chunk_bytes = STEPS * 4 * PANEL;
  explicit Octets(const uint8_t*) {}
  template <int S>
  static inline Bytes step(const uint8_t* chunk, int v) { return load_bytes(chunk + S * 4 * PANEL + 64 * v); }
};
using EightBits = Octets<true, 2>;
struct FourBits : Products<false> {
  static constexpr int steps = 2;
  static constexpr int64_t chunk_bytes = 4 * PANEL;
  explicit FourBits(const uint8_t*) {}
  template <int S>
  static inline Bytes step(const uint8_t* chunk, int v) {
    const Bytes both = load_bytes(chunk + S / 2 * 4 * PANEL + 64 * v);
    return S % 2 ? high_nibbles(both) : low_nibbles(both);
  }
};
struct FiveBits : Products<false> {
  static constexpr int steps = 8;
  static constexpr int64_t chunk_bytes = (16 + 4) * PANEL;
  explicit FiveBits(const uint8_t*) {}
  template <int S>
  static inline Bytes step(const uint8_t* chunk, int v) {
    return merge_bits<4 - S, 0x10>(FourBits::step<S>(chunk, v), load_bytes(chunk + 16 * PANEL + 64 * v));
  }
};
struct SixBits : Products<false> {
  static constexpr int steps = 4;
  static constexpr int64_t chunk_bytes = (8 + 4) * PANEL;
  explicit SixBits(const uint8_t*) {}
  template <int S>
  static inline Bytes step(const uint8_t* chunk, int v) {
    return merge_bits<4 - 2 * S, 0x30>(FourBits::step<S>(chunk, v), load_bytes(chunk + 8 * PANEL + 64 * v));
  }
};
// Codes of 4 bits that name whole numbers, which may lie far apart.
template <bool BIASED>
struct NamedBits : Products<BIASED> {
  static constexpr int steps = 2;
  static constexpr int64_t chunk_bytes = 4 * PANEL;
  ByteTable table;
  explicit NamedBits(const uint8_t* values) : table(load_byte_table(values)) {}
  template <int S>
  inline Bytes step(const uint8_t* chunk, int v) const { return look_up_bytes(table, FourBits::step<S>(chunk, v)); }
};

// Adds the products of step S and those behind it of a chunk, for T tokens and V vectors of rows from v0 on.
template <class C, int S, int T, int V>
static inline __attribute__((always_inline)) void chunk_products(const C& codes, const uint8_t* chunk, int v0, const CodeRows& x, i32x16 (&acc)[T][V]) {
  Bytes w[V];
  CAUSERIE_UNROLL for (int v = 0; v < V; ++v) w[v] = codes.template step<S>(chunk, v0 + v);
  CAUSERIE_UNROLL for (int t = 0; t < T; ++t) {
    const Bytes four = broadcast_four(x.of(t) + 4 * S);
    CAUSERIE_UNROLL for (int v = 0; v < V; ++v) acc[t][v] = C::accumulate(acc[t][v], w[v], four);
  }
  if constexpr (S + 1 < C::steps) chunk_products<C, S + 1, T, V>(codes, chunk, v0, x, acc);
}

// Those of a block, of `inputs` activations from x on; what lies AHEAD of it is fetched where it comes from memory.
template <class C, int T, int V, bool FROM_MEMORY>
static inline __attribute__((always_inline)) void block_products(const C& codes, const uint8_t* body, int64_t inputs, int v0, CodeRows x, i32x16 (&acc)[T][V]) {
  do {
    if (FROM_MEMORY)
      for (int64_t i = 0; i < C::chunk_bytes; i += 64 * WHOLE)
        for (int v = 0; v < V; ++v) __builtin_prefetch(body + AHEAD + i + 64 * (v0 + v));
    chunk_products<C, 0, T, V>(codes, body, v0, x, acc);
    body += C::chunk_bytes;
    x = x.from(4 * C::steps);
  } while (inputs -= 4 * C::steps);
}

}  // namespace
