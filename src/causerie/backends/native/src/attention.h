// How keys and values lie in a layer's cache, and what the attention of one kv head works on.
//
// The cache is [block][kv head], each: keys as [32 / 16][head_dim / E][16 positions][E elements], so that 16 positions are
// the lanes of a score; then values as [32 / E][value_dim padded to 16][E positions]. E is how many products one
// instruction adds up: 1 for float32 and float16, 2 for bfloat16, 4 for int8. An int8 number x is kept as
// round(x / scale) + 128 with a bfloat16 scale: for keys, which are turned (kernels_rotate.cpp), one per position and 32 elements, [groups][32] after the keys;
// for values one per position, [32] after the values.
#pragma once
#include "functions.h"
#include "simd_quads.h"
#include "unroll.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int LINES = VECTORS > 1 ? 8 : 4;  // query heads that share each load of keys and values: their sums fill the registers
constexpr int WIDE = VECTORS > 1 ? 2 : 1;   // and the vectors of each that a pass works on, where registers are many
constexpr int KEY_GROUP = 32;               // elements of a key that share a scale

struct CacheFloat32 {
  using Element = float;
  static constexpr int each = 1;
  static inline Element narrow(float value) { return value; }
};
struct CacheFloat16 {
  using Element = uint16_t;
  static constexpr int each = 1;
  static inline Element narrow(float value) { return to_f16(value); }
};
struct CacheBfloat16 {
  using Element = uint16_t;
  static constexpr int each = 2;
  static inline Element narrow(float value) { return to_bf16(value); }
};
struct CacheInt8 {
  using Element = uint8_t;
  static constexpr int each = 4;
};

static inline int64_t padded(int64_t elements) { return (elements + 15) / 16 * 16; }

static inline int min_of(int a, int b) { return a < b ? a : b; }

static inline int64_t key_groups(int64_t head_dim) { return (head_dim + KEY_GROUP - 1) / KEY_GROUP; }

// Steps over the elements of a key.
template <class C>
static inline int64_t key_steps(const Instruction& in) { return (in.head_dim + C::each - 1) / C::each; }

template <class C>
static inline typename C::Element* keys_of(const Instruction& in, int64_t block, int64_t kv_head) {
  return reinterpret_cast<typename C::Element*>(in.address + block * in.block_stride + kv_head * (in.block_bytes / in.kv_heads));
}

static inline uint16_t* key_scales(uint8_t* keys, const Instruction& in) {
  return reinterpret_cast<uint16_t*>(keys + key_steps<CacheInt8>(in) * 4 * BLOCK);
}

template <class C>
static inline typename C::Element* values_after(typename C::Element* keys, const Instruction& in) {
  typename C::Element* end = keys + key_steps<C>(in) * C::each * BLOCK;
  if constexpr (C::each == 4) end += key_groups(in.head_dim) * BLOCK * sizeof(uint16_t);
  return end;
}

static inline uint16_t* value_scales(uint8_t* values, const Instruction& in) {
  return reinterpret_cast<uint16_t*>(values + padded(in.value_dim) * BLOCK);
}

// Of the sequence that row r belongs to. An entry that no row of it sees may be -1.
static inline const int32_t* block_table(const Program& program, const Step& step, const Instruction& in, int64_t r) {
  const BlockTables& tables = step.tables[in.tables];
  return tables.blocks + tables.starts[program.row_sequence[r]];
}

static inline int64_t sum_bytes(const Instruction& in) { return int64_t(sizeof(Sum)) + padded(in.value_dim) * int64_t(sizeof(float)); }

// Query heads that go through a chunk of positions together.
template <class Query>
struct Lines {
  const Query* query[LINES];
  Sum* sum[LINES];
  int low[LINES], high[LINES];  // the positions of the chunk each one sees
  float slope[LINES];           // of its head, or 0
  int own[LINES];               // its position, counted from the beginning of the chunk
  int first = CHUNK, last = 0;              // that one of them sees
  int inner_first = 0, inner_last = CHUNK;  // that all of them see; none where not first < last
};

}  // namespace
