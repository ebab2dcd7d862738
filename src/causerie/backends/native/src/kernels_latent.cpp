// What attention to latents reads: queries that went through the matrices of keys, with what of them turns behind; and the
// cache write of latents, with the turned piece of key behind, in the format and order of attention_latent.h.
//
// An item is a head of a row; the first one's keeps the row's latent.
#include "attention_latent.h"
#include "rotation.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

template <class C>
static void keep_row(const Program& program, const Step& step, const Instruction& in, int64_t r) {
  const float *latent = row<float>(program, in.z, r), *key = row<float>(program, in.w, r);
  alignas(64) float kept[HEAD_ROOM];
  for (int64_t i = 0; i < in.value_dim; ++i) kept[i] = latent[i];
  turn_pairs(key, turns(step, in, in.rope, r), in.dims, kept + in.value_dim);
  for (int64_t i = in.head_dim; i < padded(in.head_dim); ++i) kept[i] = 0.0f;
  const int64_t position = step.positions[r], offset = position % BLOCK, width = padded(in.head_dim);
  auto* page = keys_of<C>(in, block_table(program, step, in, r)[position / BLOCK], 0);
  auto* to = page + offset / C::each * C::each * width + offset % C::each;
  for (int64_t i = 0; i < width; ++i) to[i * C::each] = C::narrow(kept[i]);
}

static void keep_latent_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const int64_t r = item / in.heads, head = item % in.heads, rank = in.value_dim;
  float* out = row<float>(program, in.out, r) + head * in.head_dim;
  const float* q = row<float>(program, in.x, r) + head * rank;
  for (int64_t i = 0; i < rank; ++i) out[i] = q[i];
  turn_pairs(row<float>(program, in.y, r) + head * in.dims, turns(step, in, in.rope, r), in.dims, out + rank);
  if (head) return;
  switch (in.format) {
    case CACHE_FLOAT32: return keep_row<CacheFloat32>(program, step, in, r);
    case CACHE_FLOAT16: return keep_row<CacheFloat16>(program, step, in, r);
    default: return keep_row<CacheBfloat16>(program, step, in, r);
  }
}

static int64_t keep_latent_items(const Program&, const Step& step, const Instruction& in) { return row_count(step, in) * in.heads; }

const OpKernel keep_latent = {keep_latent_items, keep_latent_item};

}  // namespace
