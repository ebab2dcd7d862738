// Rotary positions, norms of what has turned, and the cache write: turned keys, and values, in the format and order of attention.h.
// Keys that are kept in 8 bits are mixed by Hadamard matrices before, and so are the queries that they will meet: products stay
// what they are, and no element of a key sticks out (quant/cache_format.py).
#include "attention.h"
#include "hadamard.h"
#include "rotation.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// out = one head of x with element i < dims / 2 turned against element i + dims / 2; the rest as it is.
static inline void turn(const float* x, const float* rotation, const Instruction& in, float* out) {
  turn_pairs(x, rotation, in.dims, out);
  for (int64_t i = in.dims; i < in.head_dim; ++i) out[i] = x[i];
}

// A head's root-mean-square norm, in place; none without a weight.
static inline void norm_head(float* x, const float* weight, const Instruction& in) {
  if (!weight) return;
  f32x16 squares = broadcast(0.0f);
  for (int64_t i = 0; i < in.head_dim; i += 16) {
    const f32x16 value = load_first(x + i, in.head_dim - i);
    squares = fma(value, value, squares);
  }
  const f32x16 inverse = broadcast(1.0f / __builtin_sqrtf(sum(squares) / float(in.head_dim) + in.eps));
  for (int64_t i = 0; i < in.head_dim; i += 16) {
    const int64_t left = in.head_dim - i;
    store_first(x + i, mul(mul(load_first(x + i, left), inverse), load_first(weight + i, left)), left);
  }
}

// Where element 0 of the key and of the value at `offset` in a block lie; element i of a key follows by E in steps of 16 E,
// of a value by E in steps of E.
template <class C>
static inline typename C::Element* key_at(typename C::Element* keys, const Instruction& in, int64_t offset) {
  return keys + (offset / 16 * key_steps<C>(in) * 16 + offset % 16) * C::each;
}
template <class C>
static inline typename C::Element* value_at(typename C::Element* values, const Instruction& in, int64_t offset) {
  return values + offset / C::each * padded(in.value_dim) * C::each + offset % C::each;
}

template <class C>
static inline void keep_head(const Instruction& in, typename C::Element* keys, int64_t offset, const float* key, const float* value) {
  typename C::Element *k = key_at<C>(keys, in, offset), *v = value_at<C>(values_after<C>(keys, in), in, offset);
  for (int64_t i = 0; i < in.head_dim; ++i) k[i / C::each * 16 * C::each + i % C::each] = C::narrow(key[i]);
  for (int64_t i = 0; i < in.value_dim; ++i) v[i * C::each] = C::narrow(value[i]);
}

// The bytes of `count` elements and their scale: largest / 127, rounded to bfloat16 so that it is the same everywhere.
static inline uint16_t quantize(const float* x, int64_t count, uint8_t* bytes) {
  f32x16 top = broadcast(0.0f);
  for (int64_t i = 0; i < count; i += 16) top = max(top, abs(load_first(x + i, count - i)));
  const uint16_t kept = to_bf16(largest(top) * (1.0f / 127));
  const float scale = from_bf16(kept), inverse = scale > 1e-37f ? 1.0f / scale : 0.0f;
  alignas(64) float whole[16];
  for (int64_t i = 0; i < count; i += 16) {
    const f32x16 level = rounded(mul(load_first(x + i, count - i), broadcast(inverse)));
    store(whole, add(min(max(level, broadcast(-127.0f)), broadcast(127.0f)), broadcast(128.0f)));
    for (int64_t j = 0; j < 16 && i + j < count; ++j) bytes[i + j] = uint8_t(whole[j]);
  }
  return kept;
}

static inline void keep_head_int8(const Instruction& in, uint8_t* keys, int64_t offset, const float* key, const float* value) {
  uint8_t bytes[HEAD_ROOM];
  uint8_t* values = values_after<CacheInt8>(keys, in);
  for (int64_t g = 0; g < key_groups(in.head_dim); ++g) {
    const int64_t first = g * KEY_GROUP, left = in.head_dim - first, count = left < KEY_GROUP ? left : KEY_GROUP;
    key_scales(keys, in)[g * BLOCK + offset] = quantize(key + first, count, bytes + first);
  }
  uint8_t* k = key_at<CacheInt8>(keys, in, offset);
  for (int64_t i = 0; i < in.head_dim; ++i) k[i / 4 * 64 + i % 4] = bytes[i];
  value_scales(values, in)[offset] = quantize(value, in.value_dim, bytes);
  uint8_t* v = value_at<CacheInt8>(values, in, offset);
  for (int64_t i = 0; i < in.value_dim; ++i) v[i * 4] = bytes[i];
}

template <class C>
static void rotate_row(const Program& program, const Step& step, const Instruction& in, int64_t r) {
  const float *query_turns = turns(step, in, in.query_rope, r), *key_turns = turns(step, in, in.rope, r);
  const float *q_norm = reinterpret_cast<const float*>(in.q_norm), *k_norm = reinterpret_cast<const float*>(in.k_norm);
  const float *q = row<float>(program, in.x, r), *k = row<float>(program, in.y, r), *v = row<float>(program, in.z, r);
  float* out = row<float>(program, in.out, r);
  for (int64_t h = 0; h < in.heads; ++h) {
    turn(q + h * in.head_dim, query_turns, in, out + h * in.head_dim);
    norm_head(out + h * in.head_dim, q_norm, in);
    if constexpr (C::each == 4) turn_head(out + h * in.head_dim, in.head_dim);
  }
  const int64_t position = step.positions[r], offset = position % BLOCK;
  const int64_t block = block_table(program, step, in, r)[position / BLOCK];
  alignas(64) float turned[HEAD_ROOM];
  for (int64_t h = 0; h < in.kv_heads; ++h) {
    turn(k + h * in.head_dim, key_turns, in, turned);
    norm_head(turned, k_norm, in);
    auto* keys = keys_of<C>(in, block, h);
    if constexpr (C::each == 4) turn_head(turned, in.head_dim), keep_head_int8(in, keys, offset, turned, v + h * in.value_dim);
    else keep_head<C>(in, keys, offset, turned, v + h * in.value_dim);
  }
}

static void rotate_item(const Program& program, const Step& step, const Instruction& in, int64_t r) {
  switch (in.format) {
    case CACHE_FLOAT32: return rotate_row<CacheFloat32>(program, step, in, r);
    case CACHE_FLOAT16: return rotate_row<CacheFloat16>(program, step, in, r);
    case CACHE_BFLOAT16: return rotate_row<CacheBfloat16>(program, step, in, r);
    default: return rotate_row<CacheInt8>(program, step, in, r);
  }
}

static int64_t rotate_items(const Program&, const Step& step, const Instruction& in) { return row_count(step, in); }

const OpKernel rotate = {rotate_items, rotate_item};

}  // namespace
