// The gated delta rule, with what a sequence keeps of it between steps: spec/ops.py says what is computed.
//
// Two instructions. The first gives queries, keys and values: an item is the channels of one head of some rows of one
// sequence. The second corrects the heads' matrices and reads them: an item is some columns of the matrix of one head of one
// sequence, its rows in order. Columns know nothing of each other, so that those of an item stay in the nearest cache however
// many rows there are. What a column gives and keeps is summed up in the order of a matrix's rows, from numbers that depend
// on the sequence alone: on nothing beside it, nor on how it was cut.
//
// In a slot a head's matrix [key_dim, value_dim] lies in panels of sixteen columns, the last one of those that are left.
#include "functions.h"
#include "unroll.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t COLUMNS = 16 * VECTORS;  // of an item: their sums, corrections and results fit into registers

// The channels of one head: of queries, keys or values.
struct Head {
  int buffer;
  int64_t column;   // of its first channel there
  int64_t width;
  int64_t channel;  // and among all that enter the convolution
  float scale;      // of what is divided by its length; 0: nothing is
};

static inline Head head_of(const Instruction& in, int64_t number) {
  const int64_t keys = in.kv_heads, key = in.head_dim, value = in.value_dim;
  if (number < keys) return {in.x, number * key, key, number * key, in.scale};
  if (number < 2 * keys) return {in.y, (number - keys) * key, key, number * key, 1.0f};
  const int64_t column = (number - 2 * keys) * value;
  return {in.z, column, value, 2 * keys * key + column, 0.0f};
}

static inline int64_t channels_of(const Instruction& in) { return 2 * int64_t(in.kv_heads) * in.head_dim + int64_t(in.heads) * in.value_dim; }

// What enters the convolution of some head and sequence.
struct Entering {
  const Program& program;
  const Instruction& in;
  const Head& head;
  int64_t first;        // the sequence's first row
  const float* before;  // [taps - 1, channels] what entered before that row; null: nothing did

  // At `index` of the sequence's rows, or so many before the first; null where nothing entered.
  inline const float* at(int64_t index) const {
    if (index >= 0) return row<float>(program, head.buffer, first + index) + head.column;
    return before ? before + (in.length - 1 + index) * channels_of(in) + head.channel : nullptr;
  }
  inline int64_t stride() const { return program.buffers[head.buffer].stride / int64_t(sizeof(float)); }
};

// Σ taps[k] · entered(k), sixteen channels from `c` on; entered(k) is what tap k reads, or null.
template <class Entered>
static inline f32x16 convolved(const Instruction& in, const float* taps, int64_t channels, int64_t c, int64_t left, const Entered& entered) {
  f32x16 sum = broadcast(0.0f);
  for (int64_t k = 0; k < in.length; ++k)
    if (const float* numbers = entered(k)) sum = fma(load_first(numbers + c, left), load_first(taps + k * channels + c, left), sum);
  return sum;
}

// The same of K taps, where all of them read rows, `stride` apart.
template <int K>
static inline f32x16 convolved(const float* taps, int64_t channels, const float* oldest, int64_t stride) {
  f32x16 sum = broadcast(0.0f);
  CAUSERIE_UNROLL for (int k = 0; k < K; ++k) sum = fma(load(oldest + k * stride), load(taps + k * channels), sum);
  return sum;
}

// silu of the convolution at `index` of the sequence's rows; of queries and keys over their length.
static inline void convolve(const Entering& entering, const Instruction& in, const Head& head, int64_t index, float* out) {
  const float* taps = reinterpret_cast<const float*>(in.address) + head.channel;
  const int64_t channels = channels_of(in), past = in.length - 1, stride = entering.stride();
  const float* oldest = index < past ? nullptr : entering.at(index - past);
  f32x16 squares = broadcast(0.0f);
  for (int64_t c = 0; c < head.width; c += 16) {
    const int64_t left = head.width - c;
    const f32x16 sum = oldest && left >= 16 && past == 3
                           ? convolved<4>(taps + c, channels, oldest + c, stride)
                           : convolved(in, taps, channels, c, left, [&](int64_t k) { return entering.at(index - past + k); });
    const f32x16 value = silu(sum);  // 0 in lanes beyond the head
    squares = fma(value, value, squares);
    store_first(out + c, value, left);
  }
  if (head.scale == 0.0f) return;
  const f32x16 factor = broadcast(head.scale / __builtin_sqrtf(sum(squares) + in.eps));
  for (int64_t c = 0; c < head.width; c += 16) store_first(out + c, mul(load_first(out + c, head.width - c), factor), head.width - c);
}

// What entered at the last positions of a sequence of `count` rows. Each is read before its place is written, should it move
// within one slot: it moves to the front.
static inline void remember(const Entering& entering, const Instruction& in, const Head& head, int64_t count, float* after) {
  const int64_t past = in.length - 1;
  for (int64_t k = 0; k < past; ++k) {
    const float* last = entering.at(count - past + k);
    for (int64_t c = 0; c < head.width; c += 16) {
      const int64_t left = head.width - c;
      store_first(after + k * channels_of(in) + c, last ? load_first(last + c, left) : broadcast(0.0f), left);
    }
  }
}

// The first rows of a sequence alone read what entered before it, and they are in one group: none is smaller than the taps
// that there may be (spec/delta.py). So their item may write that place.
static void delta_inputs_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const int64_t heads = 2 * int64_t(in.kv_heads) + in.heads;
  const RowGroup& group = step.attending->group[item / heads];
  const int64_t sequence = program.row_sequence[group.first], begin = step.starts[sequence];
  const int32_t* slots = step.slots + 2 * sequence;
  const Head head = head_of(in, item % heads);
  const Entering entering{program, in, head, begin, slots[0] < 0 ? nullptr : slot(in, slots[0])};
  for (int64_t index = group.first - begin; index < group.first - begin + group.count; ++index)
    convolve(entering, in, head, index, row<float>(program, in.out, begin + index) + head.channel);
  if (group.first == begin) remember(entering, in, head, step.starts[sequence + 1] - begin, slot(in, slots[1]) + head.channel);
}

static int64_t delta_inputs_items(const Program&, const Step& step, const Instruction& in) {
  return step.attending->groups * (2 * int64_t(in.kv_heads) + in.heads);
}

// How far a head's matrix shrinks and how much of a correction it takes, of sixteen rows from `first` on.
struct Rates {
  alignas(64) float decay[16], beta[16];

  Rates(const Program& program, const Instruction& in, int64_t head, int64_t first, int64_t count) {
    alignas(64) float steps[16] = {}, betas[16] = {};
    for (int64_t i = 0; i < count && i < 16; ++i) {
      betas[i] = row<float>(program, in.y, first + i)[head];
      steps[i] = row<float>(program, in.z, first + i)[head];
    }
    const f32x16 rate = exp(broadcast(reinterpret_cast<const float*>(in.address)[head]));
    const f32x16 step = softplus(add(load(steps), broadcast(reinterpret_cast<const float*>(in.bias)[head])));
    store(decay, exp(sub(broadcast(0.0f), mul(rate, step))));
    store(beta, sigmoid(load(betas)));
  }
};

// W panels of columns of one head's matrix, in a slot; the panel is `width` wide where W is 1, else sixteen.
template <int W, bool WHOLE>
struct Panels {
  float* matrix;
  int64_t keys, width;

  inline float* at(int64_t k, int w) const { return matrix + (w * keys + k) * (WHOLE ? 16 : width); }
  inline f32x16 get(int64_t k, int w) const { return WHOLE ? load(at(k, w)) : load_first(at(k, w), width); }
  inline void set(int64_t k, int w, f32x16 value) const { WHOLE ? store(at(k, w), value) : store_first(at(k, w), value, width); }

  // Σ matrix · key
  inline void recall(const float* key, f32x16 (&recalled)[W]) const {
    CAUSERIE_UNROLL for (int w = 0; w < W; ++w) recalled[w] = broadcast(0.0f);
    for (int64_t k = 0; k < keys; ++k)
      CAUSERIE_UNROLL for (int w = 0; w < W; ++w) recalled[w] = fma(get(k, w), broadcast(key[k]), recalled[w]);
  }

  // matrix = matrix · decay + key ⊗ correction; what it then gives for the query, and for the key of the next row.
  inline void correct(const float* key, const float* query, const float* next, float decay, const f32x16 (&correction)[W], f32x16 (&given)[W],
                      f32x16 (&recalled)[W]) const {
    const f32x16 shrunk = broadcast(decay);
    f32x16 own[W], sums[W], nexts[W];
    CAUSERIE_UNROLL for (int w = 0; w < W; ++w) own[w] = correction[w], sums[w] = nexts[w] = broadcast(0.0f);
    for (int64_t k = 0; k < keys; ++k) {
      const f32x16 key_lanes = broadcast(key[k]), query_lanes = broadcast(query[k]), next_lanes = broadcast(next[k]);
      CAUSERIE_UNROLL for (int w = 0; w < W; ++w) {
        const f32x16 value = fma(get(k, w), shrunk, mul(key_lanes, own[w]));
        set(k, w, value);
        sums[w] = fma(value, query_lanes, sums[w]);
        nexts[w] = fma(value, next_lanes, nexts[w]);
      }
    }
    CAUSERIE_UNROLL for (int w = 0; w < W; ++w) given[w] = sums[w], recalled[w] = nexts[w];
  }
};

// Some columns of one head of one sequence.
struct Columns {
  const Program& program;
  const Instruction& in;
  int64_t head, begin, count;  // the rows of the sequence
  float* matrix;               // the head's, in the slot that is written

  inline const float* query(int64_t index) const { return row<float>(program, in.x, begin + index) + head / (in.heads / in.kv_heads) * in.head_dim; }
  inline const float* key(int64_t index) const { return query(index) + int64_t(in.kv_heads) * in.head_dim; }
  inline const float* value(int64_t index) const {
    return row<float>(program, in.x, begin + index) + 2 * int64_t(in.kv_heads) * in.head_dim + head * in.value_dim;
  }

  template <int W, bool WHOLE>
  void run(int64_t column) const {
    const int64_t left = in.value_dim - column;
    const Panels<W, WHOLE> panels{matrix + column * in.head_dim, in.head_dim, left};
    f32x16 recalled[W], given[W], correction[W];
    panels.recall(key(0), recalled);
    for (int64_t first = 0; first < count; first += 16) {
      const Rates rates(program, in, head, begin + first, count - first);
      for (int64_t index = first; index < count && index < first + 16; ++index) {
        const f32x16 decay = broadcast(rates.decay[index - first]), beta = broadcast(rates.beta[index - first]);
        CAUSERIE_UNROLL for (int w = 0; w < W; ++w) {
          const f32x16 wanted = load_first(value(index) + column + 16 * w, left - 16 * w);
          correction[w] = mul(sub(wanted, mul(recalled[w], decay)), beta);
        }
        const float* next = key(index + 1 < count ? index + 1 : index);
        panels.correct(key(index), query(index), next, rates.decay[index - first], correction, given, recalled);
        float* out = row<float>(program, in.out, begin + index) + head * in.value_dim + column;
        CAUSERIE_UNROLL for (int w = 0; w < W; ++w) store_first(out + 16 * w, given[w], left - 16 * w);
      }
    }
  }
};

static inline int64_t parts_of(const Instruction& in) { return (in.value_dim + COLUMNS - 1) / COLUMNS; }

static void delta_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const int64_t parts = parts_of(in), sequence = item / (parts * in.heads), head = item / parts % in.heads;
  const int64_t begin = step.starts[sequence], count = step.starts[sequence + 1] - begin;
  if (!count) return;
  const int64_t first = item % parts * COLUMNS, last = first + COLUMNS < in.value_dim ? first + COLUMNS : in.value_dim;
  const int32_t* slots = step.slots + 2 * sequence;
  const int64_t matrix = head * in.head_dim * in.value_dim, own = matrix + first * in.head_dim;
  float* written = slot(in, slots[1]);
  const uint64_t bytes = uint64_t((last - first) * in.head_dim) * sizeof(float);
  if (slots[0] < 0) __builtin_memset(written + own, 0, bytes);
  else if (slots[0] != slots[1]) __builtin_memcpy(written + own, slot(in, slots[0]) + own, bytes);
  const Columns columns{program, in, head, begin, count, written + matrix};
  if (last - first == COLUMNS) return columns.run<VECTORS, true>(first);
  for (int64_t c = first; c < last; c += 16)
    if (last - c >= 16) columns.run<1, true>(c);
    else columns.run<1, false>(c);
}

static int64_t delta_items(const Program&, const Step& step, const Instruction& in) { return step.sequences * in.heads * parts_of(in); }

const OpKernel delta_inputs = {delta_inputs_items, delta_inputs_item};
const OpKernel delta = {delta_items, delta_item};

}  // namespace
