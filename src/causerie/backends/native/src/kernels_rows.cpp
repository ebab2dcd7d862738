// Operations on single rows: embed, norm, round, glu, add, select. An item is a row, or a span of columns of a row.
#include "functions.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t SPAN = 1024;  // columns of one item, so that a single row is shared between threads

// Calls body(row, first column, last column + 1) for every item of this worker.
template <class Body>
static inline void each_span(int64_t rows, int64_t width, const Worker& worker, Body body) {
  const int64_t spans = (width + SPAN - 1) / SPAN;
  for (int64_t item; (item = claim(worker, rows * spans)) >= 0;) {
    const int64_t first = item % spans * SPAN, last = first + SPAN < width ? first + SPAN : width;
    body(item / spans, first, last);
  }
}

static inline float number(const void* from, int64_t index, int format) {
  if (format == FLOAT32) return static_cast<const float*>(from)[index];
  const uint16_t bits = static_cast<const uint16_t*>(from)[index];
  return format == BFLOAT16 ? from_bf16(bits) : from_f16(bits);
}

// Where element (r, k) of a table lies: see kernels_pack.cpp for the panels.
static inline int64_t table_index(const Instruction& in, int64_t r, int64_t k) {
  if (in.layout == ROWS) return r * in.width + k;
  const int64_t panel = r / PANEL, lane = r % PANEL;
  if (in.format != BFLOAT16) return (panel * in.width + k) * PANEL + lane;
  const int64_t pairs = (in.width + 1) / 2;
  return ((panel * pairs + k / 2) * PANEL + lane) * 2 + k % 2;
}

void embed(const Program& program, const Step& step, const Instruction& in, const Worker& worker) {
  const void* table = reinterpret_cast<const void*>(in.address);
  each_span(row_count(step, in), in.width, worker, [&](int64_t r, int64_t first, int64_t last) {
    float* out = row<float>(program, in.out, r);
    for (int64_t k = first; k < last; ++k) out[k] = number(table, table_index(in, step.tokens[r], k), in.format);
  });
}

template <class T>
static void norm_rows(const Program& program, int64_t rows, const Instruction& in, const Worker& worker) {
  const float* weight = reinterpret_cast<const float*>(in.address);
  const int64_t groups = in.width / in.length;
  for (int64_t item; (item = claim(worker, rows * groups)) >= 0;) {
    const int64_t at = item % groups * in.length;
    const float* x = row<float>(program, in.x, item / groups) + at;
    T* out = row<T>(program, in.out, item / groups) + at;
    f32x16 squares = broadcast(0.0f);
    for (int64_t i = 0; i < in.length; i += 16) {
      const f32x16 value = load_first(x + i, in.length - i);
      squares = fma(value, value, squares);
    }
    const f32x16 inverse = broadcast(1.0f / __builtin_sqrtf(sum(squares) / float(in.length) + in.eps));
    for (int64_t i = 0; i < in.length; i += 16) {
      const f32x16 value = mul(load_first(x + i, in.length - i), inverse);
      store_first(out + i, mul(value, load_first(weight + i, in.length - i)), in.length - i);
    }
  }
}

void norm(const Program& program, const Step& step, const Instruction& in, const Worker& worker) {
  if (in.narrow) norm_rows<uint16_t>(program, row_count(step, in), in, worker);
  else norm_rows<float>(program, row_count(step, in), in, worker);
}

// float32 to bfloat16; an odd width gets a zero beside its last element, as the weights do.
void round_rows(const Program& program, const Step& step, const Instruction& in, const Worker& worker) {
  each_span(row_count(step, in), in.width, worker, [&](int64_t r, int64_t first, int64_t last) {
    const float* x = row<float>(program, in.x, r);
    uint16_t* out = row<uint16_t>(program, in.out, r);
    for (int64_t i = first; i < last; i += 16) store_first(out + i, load_first(x + i, last - i), last - i);
    if (last == in.width && last % 2) out[last] = 0;
  });
}

template <class T, f32x16 (*act)(f32x16)>
static void glu_rows(const Program& program, int64_t rows, const Instruction& in, const Worker& worker) {
  each_span(rows, in.width, worker, [&](int64_t r, int64_t first, int64_t last) {
    const float *gate = row<float>(program, in.x, r), *up = row<float>(program, in.y, r);
    T* out = row<T>(program, in.out, r);
    for (int64_t i = first; i < last; i += 16)
      store_first(out + i, mul(act(load_first(gate + i, last - i)), load_first(up + i, last - i)), last - i);
  });
}

template <class T>
static void glu_to(const Program& program, int64_t rows, const Instruction& in, const Worker& worker) {
  switch (in.act) {
    case SILU: return glu_rows<T, silu>(program, rows, in, worker);
    case GELU: return glu_rows<T, gelu>(program, rows, in, worker);
    default: return glu_rows<T, gelu_tanh>(program, rows, in, worker);
  }
}

void glu(const Program& program, const Step& step, const Instruction& in, const Worker& worker) {
  if (in.narrow) glu_to<uint16_t>(program, row_count(step, in), in, worker);
  else glu_to<float>(program, row_count(step, in), in, worker);
}

void add_rows(const Program& program, const Step& step, const Instruction& in, const Worker& worker) {
  each_span(row_count(step, in), in.width, worker, [&](int64_t r, int64_t first, int64_t last) {
    const float *x = row<float>(program, in.x, r), *y = row<float>(program, in.y, r);
    float* out = row<float>(program, in.out, r);
    for (int64_t i = first; i < last; i += 16)
      store_first(out + i, add(load_first(x + i, last - i), load_first(y + i, last - i)), last - i);
  });
}

void select_rows(const Program& program, const Step& step, const Instruction& in, const Worker& worker) {
  each_span(step.wanted_count, in.width, worker, [&](int64_t r, int64_t first, int64_t last) {
    const float* x = row<float>(program, in.x, step.wanted[r]);
    float* out = row<float>(program, in.out, r);
    for (int64_t i = first; i < last; ++i) out[i] = x[i];
  });
}

}  // namespace
