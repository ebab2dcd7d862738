// Gated short convolutions, with what a sequence keeps of them between steps.
//
// An item is some channels of one sequence, its rows in order: it alone reads and writes their part of the sequence's slots,
// which may be one and the same. A result is summed up tap by tap, the oldest position first, from numbers that depend on
// the sequence alone: on nothing beside it, nor on how it was cut.
#include "narrowed.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t SLAB = MOST_INPUTS;  // channels of an item: whole groups, where groups share a scale

static inline int64_t channels_of(const Instruction& in) { return in.width / 3; }
static inline int64_t slabs_of(const Instruction& in) { return (channels_of(in) + SLAB - 1) / SLAB; }

// What enters the convolution of some sequence, sixteen channels at a time.
struct Entering {
  const Program& program;
  const Instruction& in;
  int64_t first;        // the sequence's first row
  const float* before;  // [taps - 1, channels] what entered before that row; null: nothing did

  // At `row` of the sequence's rows, or so many before the first: b · x.
  inline f32x16 at(int64_t index, int64_t c, int64_t left) const {
    const int64_t channels = channels_of(in);
    if (index < 0) return before ? load_first(before + (in.length - 1 + index) * channels + c, left) : broadcast(0.0f);
    const float* x = row<float>(program, in.x, first + index);
    return mul(load_first(x + c, left), load_first(x + 2 * channels + c, left));
  }
};

static inline float* slot(const Instruction& in, int64_t index) { return reinterpret_cast<float*>(in.slots + index * in.slot_stride); }

template <class Out>
static inline void convolve(const Entering& entering, const Instruction& in, int64_t index, int64_t first, int64_t last, const float* gate, Out& out) {
  const float *taps = reinterpret_cast<const float*>(in.address), *bias = reinterpret_cast<const float*>(in.bias);
  const int64_t channels = channels_of(in), past = in.length - 1;
  for (int64_t c = first; c < last; c += 16) {
    const int64_t left = last - c;
    f32x16 sum = bias ? load_first(bias + c, left) : broadcast(0.0f);
    for (int64_t k = 0; k <= past; ++k) sum = fma(entering.at(index - past + k, c, left), load_first(taps + k * channels + c, left), sum);
    out.put(c, mul(load_first(gate + c, left), sum), left);
  }
}

// What entered at the last positions, `count` being the sequence's rows. Each is read before its place is written, should it
// move within one slot: it moves to the front.
static inline void remember(const Entering& entering, const Instruction& in, int64_t count, int64_t first, int64_t last, float* after) {
  const int64_t channels = channels_of(in), past = in.length - 1;
  for (int64_t k = 0; k < past; ++k)
    for (int64_t c = first; c < last; c += 16) store_first(after + k * channels + c, entering.at(count - past + k, c, last - c), last - c);
}

static void short_conv_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const int64_t sequence = item / slabs_of(in), channels = channels_of(in);
  const int64_t begin = step.starts[sequence], count = step.starts[sequence + 1] - begin;
  if (!count) return;
  const int64_t first = item % slabs_of(in) * SLAB, last = first + SLAB < channels ? first + SLAB : channels;
  const int32_t *slots = step.slots + 2 * sequence;
  const Entering entering{program, in, begin, slots[0] < 0 ? nullptr : slot(in, slots[0])};
  for (int64_t index = 0; index < count; ++index) {
    const float* gate = row<float>(program, in.x, begin + index) + channels;
    with_out(program, in, begin + index, channels, [&](auto out) { convolve(entering, in, index, first, last, gate, out); });
  }
  remember(entering, in, count, first, last, slot(in, slots[1]));
}

static int64_t short_conv_items(const Program&, const Step& step, const Instruction& in) { return step.sequences * slabs_of(in); }

const OpKernel short_conv = {short_conv_items, short_conv_item};

}  // namespace
