// Operations on streams of activations, which lie side by side in a row, and what of a row is far above its mean. An item
// of `blend` is a span of columns, of `leveled` a piece of a row, of `excess` a row.
#include "means.h"
#include "span.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// Each piece of x plus all pieces of y, each times a factor, which is the row's own, a constant, or their sum.
static void blend_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  const float *x = row<float>(program, in.x, r), *y = row<float>(program, in.y, r);
  const float *own = in.plain ? nullptr : row<float>(program, in.z, r), *constants = reinterpret_cast<const float*>(in.factors);
  float* out = row<float>(program, in.out, r);
  for (int64_t i = first, end; i < last; i = end) {
    const int64_t piece = i / in.length, begin = piece * in.length;
    end = begin + in.length < last ? begin + in.length : last;
    for (int64_t k = i; k < end; k += 16) {
      f32x16 value = load_first(x + k, end - k);
      for (int64_t other = 0, at = piece * in.groups; other < in.groups; ++other, ++at) {
        const float factor = (own ? own[at] : 0.0f) + (constants ? constants[at] : 0.0f);
        value = fma(broadcast(factor), load_first(y + other * in.length + (k - begin), end - k), value);
      }
      store_first(out + k, value, end - k);
    }
  }
}

static int64_t leveled_items(const Program&, const Step& step, const Instruction& in) { return row_count(step, in) * in.groups; }

// The first piece of out is x; each other one a piece of y that has been made as large as x.
static void leveled_piece(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const int64_t r = item / in.groups, piece = item % in.groups;
  const float* x = row<float>(program, in.x, r);
  const float* from = piece ? row<float>(program, in.y, r) + (piece - 1) * in.width : x;
  float* out = row<float>(program, in.out, r) + piece * in.width;
  float factor = 1.0f;
  if (piece) {
    const float own = mean_square(from, in.width, 0.0f);
    factor = __builtin_sqrtf(mean_square(x, in.width, 0.0f)) / __builtin_sqrtf(own > in.eps ? own : in.eps);
  }
  for (int64_t i = 0; i < in.width; i += 16)
    store_first(out + i, mul(load_first(from + i, in.width - i), broadcast(factor)), in.width - i);
}

static int64_t row_items(const Program&, const Step& step, const Instruction& in) { return row_count(step, in); }

// What is more than so many standard deviations above the mean of its row, less that much; 0 elsewhere.
static void excess_row(const Program& program, const Step&, const Instruction& in, int64_t r) {
  const float* x = row<float>(program, in.x, r);
  float* out = row<float>(program, in.out, r);
  const float mean = mean_of(x, in.width);
  const f32x16 bound = broadcast(mean + in.scale * __builtin_sqrtf(mean_square(x, in.width, mean))), zero = broadcast(0.0f);
  for (int64_t i = 0; i < in.width; i += 16)
    store_first(out + i, max(zero, sub(load_first(x + i, in.width - i), bound)), in.width - i);
}

const OpKernel blend = {span_items, blend_span};
const OpKernel leveled = {leveled_items, leveled_piece};
const OpKernel excess = {row_items, excess_row};

}  // namespace
