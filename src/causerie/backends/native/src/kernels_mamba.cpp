// The recurrence of Mamba: every channel keeps `length` numbers in a sequence's slot, which lie [length, channels] there; at
// each position each of them shrinks at a rate of its own, takes up step · x · B and is read by C.
//
// An item is sixteen channels and the rows of one sequence in order: it alone reads and writes that part of the sequence's
// slots. What a row gives is summed up in one order from numbers that depend on the sequence alone.
#include "functions.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

static inline int64_t lanes_of(const Instruction& in) { return (in.width + 15) / 16; }

static int64_t mamba_items(const Program&, const Step& step, const Instruction& in) { return step.sequences * lanes_of(in); }

static void mamba_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const int64_t sequence = item / lanes_of(in), channel = item % lanes_of(in) * 16, left = in.width - channel;
  const int64_t begin = step.starts[sequence], end = step.starts[sequence + 1];
  if (begin == end) return;
  const auto at = [&](int32_t index) { return slot(in, index) + channel; };
  const int32_t* slots = step.slots + 2 * sequence;
  const float* shrinking = reinterpret_cast<const float*>(in.address) + channel;
  const f32x16 zero = broadcast(0.0f), skip = load_first(reinterpret_cast<const float*>(in.factors) + channel, left);
  f32x16 state[STATE_ROOM], rate[STATE_ROOM];
  for (int64_t n = 0; n < in.length; ++n) {
    state[n] = slots[0] < 0 ? zero : load_first(at(slots[0]) + n * in.width, left);
    rate[n] = sub(zero, exp(load_first(shrinking + n * in.width, left)));
  }
  for (int64_t r = begin; r < end; ++r) {
    const float *b = row<float>(program, in.z, r), *c = b + in.length;
    const f32x16 x = load_first(row<float>(program, in.x, r) + channel, left);
    const f32x16 size = softplus(load_first(row<float>(program, in.y, r) + channel, left)), entering = mul(size, x);
    f32x16 result = mul(skip, x);
    for (int64_t n = 0; n < in.length; ++n) {
      state[n] = fma(broadcast(b[n]), entering, mul(exp(mul(size, rate[n])), state[n]));
      result = fma(broadcast(c[n]), state[n], result);
    }
    store_first(row<float>(program, in.out, r) + channel, result, left);
  }
  for (int64_t n = 0; n < in.length; ++n) store_first(at(slots[1]) + n * in.width, state[n], left);
}

const OpKernel mamba = {mamba_items, mamba_item};

}  // namespace
