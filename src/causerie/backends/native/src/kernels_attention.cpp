// Rotary positions with the cache write, and paged attention.
//
// A layer's cache is [block][kv head] of: keys as [32 / 16][head_dim][16 positions], so that 16 positions are the lanes of a
// score; then values as [32 positions][head_dim padded to 16]. The softmax is online (Milakov & Gimelshein, 2018) over tiles
// of 32 absolute positions, one block each, so a row's result depends on its own position and sequence alone: not on how
// the prompt was cut, what ran beside it, or which blocks hold it.
#include "functions.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int HEADS = 8;  // query heads of one kv head that share a pass over its keys and values

struct CacheFloat32 {
  using Element = float;
  static inline f32x16 load16(const Element* p) { return load(p); }
  static inline Element narrow(float value) { return value; }
};
struct CacheFloat16 {
  using Element = uint16_t;
  static inline f32x16 load16(const Element* p) { return load_f16(p); }
  static inline Element narrow(float value) { return to_f16(value); }
};
struct CacheBfloat16 {
  using Element = uint16_t;
  static inline f32x16 load16(const Element* p) { return load_bf16(p); }
  static inline Element narrow(float value) { return to_bf16(value); }
};

static inline int64_t padded(int64_t head_dim) { return (head_dim + 15) / 16 * 16; }

// Keys of one kv head in one block; its values follow at + BLOCK · head_dim.
template <class C>
static inline typename C::Element* head_cache(const Instruction& in, int64_t block, int64_t kv_head) {
  auto* layer = reinterpret_cast<char*>(in.address + block * in.block_bytes);
  return reinterpret_cast<typename C::Element*>(layer) + kv_head * BLOCK * (in.head_dim + padded(in.head_dim));
}

static inline const int32_t* block_table(const Program& program, const Step& step, int64_t r) {
  return step.tables + step.table_starts[program.row_sequence[r]];
}

// out = one head of x with element i < dims / 2 turned against element i + dims / 2; the rest as it is.
static inline void turn(const float* x, const float* rotation, const Instruction& in, float* out) {
  const int64_t half = in.dims / 2;
  for (int64_t i = 0; i < half; i += 16) {
    const int64_t left = half - i;
    const f32x16 a = load_first(x + i, left), b = load_first(x + half + i, left);
    const f32x16 cosine = load_first(rotation + i, left), sine = load_first(rotation + half + i, left);
    store_first(out + i, fma(a, cosine, sub(broadcast(0.0f), mul(b, sine))), left);
    store_first(out + half + i, fma(b, cosine, mul(a, sine)), left);
  }
  for (int64_t i = 2 * half; i < in.head_dim; ++i) out[i] = x[i];
}

template <class C>
static void rotate_row(const Program& program, const Step& step, const Instruction& in, int64_t r) {
  const float* rotation = step.rotations[in.rope] + r * in.dims;
  const float *q = row<float>(program, in.x, r), *k = row<float>(program, in.y, r), *v = row<float>(program, in.z, r);
  float* out = row<float>(program, in.out, r);
  for (int64_t h = 0; h < in.heads; ++h) turn(q + h * in.head_dim, rotation, in, out + h * in.head_dim);
  const int64_t position = step.positions[r], offset = position % BLOCK;
  const int64_t block = block_table(program, step, r)[position / BLOCK];
  float turned[MAX_HEAD_DIM];
  for (int64_t h = 0; h < in.kv_heads; ++h) {
    auto* keys = head_cache<C>(in, block, h);
    auto* values = keys + BLOCK * in.head_dim + offset * padded(in.head_dim);
    turn(k + h * in.head_dim, rotation, in, turned);
    keys += offset / 16 * in.head_dim * 16 + offset % 16;
    for (int64_t i = 0; i < in.head_dim; ++i) {
      keys[i * 16] = C::narrow(turned[i]);
      values[i] = C::narrow(v[h * in.head_dim + i]);
    }
  }
}

static void rotate_item(const Program& program, const Step& step, const Instruction& in, int64_t r) {
  switch (in.format) {
    case FLOAT32: return rotate_row<CacheFloat32>(program, step, in, r);
    case FLOAT16: return rotate_row<CacheFloat16>(program, step, in, r);
    default: return rotate_row<CacheBfloat16>(program, step, in, r);
  }
}

// The running softmax of H query heads: largest score, sum of the weights by lane, weighted sum of values.
template <int H>
struct Softmax {
  alignas(64) float largest[16];
  f32x16 total[H];
  alignas(64) float mixed[H][MAX_HEAD_DIM];
};

// scores[h][0..31] of the tile's positions low <= p < high; the others -inf. Meanwhile fetches `next`, the following tile:
// blocks lie anywhere, so the processor does not see it coming.
template <class C, int H>
static inline void score_tile(const float* q, const typename C::Element* keys, const typename C::Element* next, const Instruction& in, int low, int high, float (*scores)[BLOCK]) {
  constexpr int64_t AT_ONCE = 32;  // elements of `next` a step: over all steps, its keys and its values
  const f32x16 hidden = broadcast(-__builtin_inff()), scale = broadcast(in.scale);
  for (int part = 0; part < BLOCK; part += 16) {
    f32x16 acc[H];
    for (int h = 0; h < H; ++h) acc[h] = broadcast(0.0f);
    const typename C::Element* key = keys + part * in.head_dim;
    if (low < part + 16 && high > part)
      for (int64_t d = 0; d < in.head_dim; ++d) {
        for (int64_t i = 0; i < AT_ONCE; i += 64 / sizeof(*next)) __builtin_prefetch(next + i);
        next += AT_ONCE;
        const f32x16 lanes = C::load16(key + d * 16);
        for (int h = 0; h < H; ++h) acc[h] = fma(broadcast(q[h * in.head_dim + d]), lanes, acc[h]);
      }
    for (int h = 0; h < H; ++h) store(scores[h] + part, keep(mul(acc[h], scale), low - part, high - part, hidden));
  }
}

// Turns scores into weights, in place, and rescales what was summed under a smaller maximum.
template <int H>
static inline f32x16 weigh_tile(Softmax<H>& state, float (*scores)[BLOCK]) {
  alignas(64) float grown[16] = {}, factor[16];
  for (int h = 0; h < H; ++h) {
    const float peak = largest(max(load(scores[h]), load(scores[h] + 16)));
    const float next = peak > state.largest[h] ? peak : state.largest[h];
    grown[h] = state.largest[h] - next;
    state.largest[h] = next;
  }
  const f32x16 factors = exp(load(grown));
  store(factor, factors);
  for (int h = 0; h < H; ++h) {
    const f32x16 peak = broadcast(state.largest[h]);
    const f32x16 a = exp(sub(load(scores[h]), peak)), b = exp(sub(load(scores[h] + 16), peak));
    store(scores[h], a);
    store(scores[h] + 16, b);
    state.total[h] = fma(state.total[h], broadcast(factor[h]), add(a, b));
  }
  return factors;
}

// mixed = mixed · factor + Σ weight · value over the visible positions only: what else lies in the block may be anything.
template <class C, int H>
static inline void mix_tile(Softmax<H>& state, const typename C::Element* values, const Instruction& in, int low, int high, const float (*weights)[BLOCK], f32x16 factors) {
  alignas(64) float factor[16];
  store(factor, factors);
  const int64_t width = padded(in.head_dim);
  for (int64_t c = 0; c < width; c += 16) {
    f32x16 acc[H];
    for (int h = 0; h < H; ++h) acc[h] = mul(load(state.mixed[h] + c), broadcast(factor[h]));
    for (int p = low; p < high; ++p) {
      const f32x16 lanes = C::load16(values + p * width + c);
      for (int h = 0; h < H; ++h) acc[h] = fma(broadcast(weights[h][p]), lanes, acc[h]);
    }
    for (int h = 0; h < H; ++h) store(state.mixed[h] + c, acc[h]);
  }
}

template <class C, int H>
static void attend(const Program& program, const Step& step, const Instruction& in, int64_t r, int64_t kv_head, int64_t head) {
  Softmax<H> state;
  for (int h = 0; h < 16; ++h) state.largest[h] = -__builtin_inff();
  for (int h = 0; h < H; ++h) {
    state.total[h] = broadcast(0.0f);
    for (int64_t c = 0; c < padded(in.head_dim); c += 16) store(state.mixed[h] + c, broadcast(0.0f));
  }
  const float* q = row<float>(program, in.x, r) + head * in.head_dim;
  const int32_t* table = block_table(program, step, r);
  const int64_t position = step.positions[r];
  const int64_t oldest = in.window && position >= in.window ? position - in.window + 1 : 0;
  alignas(64) float scores[H][BLOCK];
  for (int64_t tile = oldest / BLOCK; tile <= position / BLOCK; ++tile) {
    const int64_t start = tile * BLOCK;
    const int low = int(oldest > start ? oldest - start : 0);
    const int high = int(position + 1 - start < BLOCK ? position + 1 - start : BLOCK);
    const auto* keys = head_cache<C>(in, table[tile], kv_head);
    const auto* next = tile < position / BLOCK ? head_cache<C>(in, table[tile + 1], kv_head) : keys;
    score_tile<C, H>(q, keys, next, in, low, high, scores);
    const f32x16 factors = weigh_tile<H>(state, scores);
    mix_tile<C, H>(state, keys + BLOCK * in.head_dim, in, low, high, scores, factors);
  }
  for (int h = 0; h < H; ++h) {
    const f32x16 total = broadcast(sum(state.total[h]));
    const int64_t at = (head + h) * in.head_dim;
    for (int64_t c = 0; c < in.head_dim; c += 16) {
      const f32x16 value = div(load(state.mixed[h] + c), total);
      if (in.narrow) store_first(row<uint16_t>(program, in.out, r) + at + c, value, in.head_dim - c);
      else store_first(row<float>(program, in.out, r) + at + c, value, in.head_dim - c);
    }
  }
}

template <class C>
static void attend_group(const Program& program, const Step& step, const Instruction& in, int64_t r, int64_t kv_head) {
  const int64_t group = in.heads / in.kv_heads, end = (kv_head + 1) * group;
  for (int64_t head = kv_head * group; head < end; head += HEADS) {
    switch (end - head) {
      case 1: attend<C, 1>(program, step, in, r, kv_head, head); break;
      case 2: attend<C, 2>(program, step, in, r, kv_head, head); break;
      case 3: attend<C, 3>(program, step, in, r, kv_head, head); break;
      case 4: attend<C, 4>(program, step, in, r, kv_head, head); break;
      case 5: attend<C, 5>(program, step, in, r, kv_head, head); break;
      case 6: attend<C, 6>(program, step, in, r, kv_head, head); break;
      case 7: attend<C, 7>(program, step, in, r, kv_head, head); break;
      default: attend<C, 8>(program, step, in, r, kv_head, head); break;
    }
  }
}

static int64_t attention_items(const Step& step, const Instruction& in) { return row_count(step, in) * in.kv_heads; }

static void attention_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const int64_t rows = row_count(step, in), r = item % rows, kv_head = item / rows;
  switch (in.format) {
    case FLOAT32: return attend_group<CacheFloat32>(program, step, in, r, kv_head);
    case FLOAT16: return attend_group<CacheFloat16>(program, step, in, r, kv_head);
    default: return attend_group<CacheBfloat16>(program, step, in, r, kv_head);
  }
}

const OpKernel rotate = {row_count, rotate_item};
const OpKernel attention = {attention_items, attention_item};

}  // namespace
