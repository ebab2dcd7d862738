// What operations on single rows share: an item is a row, or a span of columns of a row.
#pragma once
#include "kernels.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t SPAN = 1024;  // columns of one item, so that a single row is shared between threads

static inline int64_t spans(const Instruction& in) { return (in.width + SPAN - 1) / SPAN; }

static inline int64_t span_items(const Program&, const Step& step, const Instruction& in) { return row_count(step, in) * spans(in); }

struct Span {
  int64_t row, first, last;  // columns first .. last
};

static inline Span span(const Instruction& in, int64_t item) {
  const int64_t first = item % spans(in) * SPAN;
  return {item / spans(in), first, first + SPAN < in.width ? first + SPAN : in.width};
}

}  // namespace
