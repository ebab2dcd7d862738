// Our own formats of matrices that are multiplied as integers: how codes lie in a block, and what scales it (kernels_integer.cpp).
// They know nothing of how tokens and vectors take turns.
#pragma once
#include "linear.h"
#include "nibbles.h"
#include "input_rows.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int FEW_TOKENS = VECTORS > 1 ? 8 : 6;  // that read a panel from memory once; more of them take it from the second cache

// A run of groups of one panel for a few tokens.
struct Groups {
  const uint8_t* panel = nullptr;    // its head
  const uint8_t* block = nullptr;    // the first group's first
  const int32_t* factors = nullptr;  // [blocks of the run][64 rows], where many tokens use them
  int64_t first = 0, count = 0;      // groups
  int64_t group = 0;                 // inputs
  int64_t blocks = 0;                // of a group
  int64_t inputs = 0, bytes = 0;     // of a block
  Activations input = {};            // of the first token
  int64_t input_stride = 0;          // bytes
  float* out = nullptr;
  int64_t out_stride = 0;            // floats
  int64_t rows = 0;
  const float* bias = nullptr;
  bool last = false;                 // finishes the sums
  const uint8_t* ahead = nullptr;    // what to fetch into the second cache meanwhile
  int64_t fetched = 0;               // lines of it, a cache line each
  int vector = 0, vectors = 0;       // of the panel's rows, sixteen each
};

// Codes of 8 bits, held as q + 128, with scales in bfloat16.
struct Int8 {
  static constexpr int few = FEW_TOKENS;
  static constexpr bool bytes = false;
  static constexpr int64_t step_bytes = 4 * PANEL;  // of four inputs
  static constexpr int64_t head = 2 * PANEL;        // of a block: bytes before its codes
  template <int S>
  static inline Bytes weights(const uint8_t* body, int64_t step, int v) { return load_bytes(body + (step + S) * 4 * PANEL + 64 * v); }
  static inline i32x16 accumulate(i32x16 acc, Bytes w, Bytes x) { return dot4_biased(acc, w, x); }
  static inline f32x16 whole(f32x16 sum, const uint8_t*, int) { return sum; }
};
// Codes of 4 bits, with scales and zero points in bytes.
struct Int4 {
  static constexpr int few = NIBBLES_STAY ? 8 : FEW_TOKENS;
  static constexpr bool bytes = true;
  static constexpr int64_t step_bytes = 2 * PANEL;
  static constexpr int64_t head = 2 * PANEL;
  template <int S>
  static inline Bytes weights(const uint8_t* body, int64_t step, int v) {
    const Bytes both = load_bytes(body + step / 2 * 4 * PANEL + 64 * v);
    return S ? high_nibbles(both) : low_nibbles(both);
  }
  static inline NibbleSums accumulate(NibbleSums acc, Bytes w, Bytes x) { return dot4(acc, w, x); }
  static inline f32x16 whole(f32x16 sum, const uint8_t* panel, int v) { return mul(sum, load(reinterpret_cast<const float*>(panel) + 16 * v)); }
  // By what a lane of a block's accumulator is multiplied: 16 · scale below, scale · (128 - zero) above.
  static inline i32x16 factors(const uint8_t* block, int v) {
    return mul_low(load_u8(block + 16 * v), sub(broadcast_int(128 << 16 | 16), upper(load_u8(block + PANEL + 16 * v))));
  }
};
constexpr int64_t INT4_GROUP = 32, INT4_BYTES = Int4::head + INT4_GROUP * PANEL / 2;

}  // namespace
