// Short convolutions, gated ones and those in front of a recurrence, with what a sequence keeps of them between steps.
//
// An item is some channels of one sequence, its rows in order: it alone reads and writes their part of the sequence's slots,
// which may be one and the same. A result is summed up tap by tap, the oldest position first, from numbers that depend on
// the sequence alone: on nothing beside it, nor on how it was cut.
#include "functions.h"
#include "narrowed.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t SLAB = MOST_INPUTS;  // channels of an item: whole groups, where groups share a scale

template <bool GATED>
static inline int64_t channels_of(const Instruction& in) { return GATED ? in.width / 3 : in.width; }
static inline int64_t slabs_of(int64_t channels) { return (channels + SLAB - 1) / SLAB; }

// What enters the convolution of some sequence, sixteen channels at a time.
template <bool GATED>
struct Entering {
  const Program& program;
  const Instruction& in;
  int64_t first;        // the sequence's first row
  const float* before;  // [taps - 1, channels] what entered before that row; null: nothing did

  // At `row` of the sequence's rows, or so many before the first: b · x, or scale · x.
  inline f32x16 at(int64_t index, int64_t c, int64_t left) const {
    const int64_t channels = channels_of<GATED>(in);
    if (index < 0) return before ? load_first(before + (in.length - 1 + index) * channels + c, left) : broadcast(0.0f);
    const float *x = row<float>(program, in.x, first + index), *scales = reinterpret_cast<const float*>(in.factors);
    const f32x16 value = load_first(x + c, left);
    if constexpr (GATED) return mul(value, load_first(x + 2 * channels + c, left));
    return scales ? mul(value, load_first(scales + c, left)) : value;
  }
};

template <bool GATED, class Out>
static inline void convolve(const Entering<GATED>& entering, const Instruction& in, int64_t index, int64_t first, int64_t last, Out& out) {
  const float *taps = reinterpret_cast<const float*>(in.address), *bias = reinterpret_cast<const float*>(in.bias);
  const int64_t channels = channels_of<GATED>(in), past = in.length - 1;
  const float* gate = row<float>(entering.program, in.x, entering.first + index) + channels;  // of a gated one
  for (int64_t c = first; c < last; c += 16) {
    const int64_t left = last - c;
    f32x16 sum = bias ? load_first(bias + c, left) : broadcast(0.0f);
    for (int64_t k = 0; k <= past; ++k) sum = fma(entering.at(index - past + k, c, left), load_first(taps + k * channels + c, left), sum);
    out.put(c, GATED ? mul(load_first(gate + c, left), sum) : silu(sum), left);
  }
}

// What entered at the last positions, `count` being the sequence's rows. Each is read before its place is written, should it
// move within one slot: it moves to the front.
template <bool GATED>
static inline void remember(const Entering<GATED>& entering, const Instruction& in, int64_t count, int64_t first, int64_t last, float* after) {
  const int64_t channels = channels_of<GATED>(in), past = in.length - 1;
  for (int64_t k = 0; k < past; ++k)
    for (int64_t c = first; c < last; c += 16) store_first(after + k * channels + c, entering.at(count - past + k, c, last - c), last - c);
}

template <bool GATED>
static void conv_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const int64_t channels = channels_of<GATED>(in), slabs = slabs_of(channels), sequence = item / slabs;
  const int64_t begin = step.starts[sequence], count = step.starts[sequence + 1] - begin;
  if (!count) return;
  const int64_t first = item % slabs * SLAB, last = first + SLAB < channels ? first + SLAB : channels;
  const int32_t *slots = step.slots + 2 * sequence;
  const Entering<GATED> entering{program, in, begin, slots[0] < 0 ? nullptr : slot(in, slots[0])};
  for (int64_t index = 0; index < count; ++index)
    with_out(program, in, begin + index, channels, [&](auto out) { convolve(entering, in, index, first, last, out); });
  remember(entering, in, count, first, last, slot(in, slots[1]));
}

template <bool GATED>
static int64_t conv_items(const Program&, const Step& step, const Instruction& in) {
  return step.sequences * slabs_of(channels_of<GATED>(in));
}

const OpKernel short_conv = {conv_items<true>, conv_item<true>};
const OpKernel causal_conv = {conv_items<false>, conv_item<false>};

}  // namespace
