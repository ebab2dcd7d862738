// Operations on single rows: embed, positions, norm, round, transform, glu, activate, clip, add, select, softcap,
// columns, times, gate_heads, xielu. An item is a row, or a span of columns of a row. What a
// linear reads next may be written in the form that it reads (`narrow` of an instruction).
#include "functions.h"
#include "means.h"
#include "narrowed.h"
#include "packed.h"
#include "span.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

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

static void embed_packed(const Instruction& in, int64_t r, int64_t first, int64_t last, float* out) {
  const PackedPanel& panel = reinterpret_cast<const PackedPanel*>(in.address)[r / PANEL];
  const int64_t lane = r % PANEL;
  const uint8_t* data = reinterpret_cast<const uint8_t*>(panel.data);
  for (int64_t k = first; k < last; ++k) {
    const int i = int(2 * lane + k % 2);
    const uint16_t* plain = reinterpret_cast<const uint16_t*>(panel.data) + k / 2 * STEP_WEIGHTS + i;
    out[k] = from_bf16(panel.plain ? *plain : packed_weight(panel, data + k / 2 * PACKED_STEP, i));
  }
  if (panel.plain) return;
  const Escape* end = reinterpret_cast<const Escape*>(panel.escapes) + panel.escape_count;
  for (const Escape* e = escapes_from(panel, first / 2); e < end && e->at < (last + 1) / 2 * STEP_WEIGHTS; ++e)
    if (e->at % STEP_WEIGHTS / 2 == uint32_t(lane)) out[e->at / STEP_WEIGHTS * 2 + e->at % 2] = from_bf16(uint16_t(e->value));
}

static void read_table(const Program& program, const Instruction& in, int64_t r, int64_t first, int64_t last, float* out) {
  if (in.layout == PACKED) return embed_packed(in, r, first, last, out);
  if (in.format == CODES) {
    const CodePanels& panels = program.panels[in.panels];
    for (int64_t k = first; k < last; ++k) out[k] = quantized_value(panels, in.address, in.width, r, k);
    return;
  }
  const void* table = reinterpret_cast<const void*>(in.address);
  for (int64_t k = first; k < last; ++k) out[k] = number(table, table_index(in, r, k), in.format);
}

static void embed_span(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  float* out = row<float>(program, in.out, r);
  const int32_t token = step.tokens[r];
  read_table(program, in, in.length && token >= in.length ? 0 : token, first, last, out);
  if (in.scale != 1.0f)
    for (int64_t k = first; k < last; ++k) out[k] *= in.scale;
}

static void positions_span(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  read_table(program, in, int64_t(step.positions[r]) + in.offset, first, last, row<float>(program, in.out, r));
}

static int64_t norm_items(const Program&, const Step& step, const Instruction& in) { return row_count(step, in) * (in.width / in.length); }

static void norm_item(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const float *weight = reinterpret_cast<const float*>(in.address), *bias = reinterpret_cast<const float*>(in.bias);
  const int64_t groups = in.width / in.length, at = item % groups * in.length;
  const int64_t own = in.heads ? at % (in.heads * int64_t(in.length)) : 0;  // where its weights begin
  const float* x = row<float>(program, in.x, item / groups) + at;
  f32x16 squares = broadcast(0.0f);
  const f32x16 mean = broadcast(in.centered ? mean_of(x, in.length) : 0.0f), zero = broadcast(0.0f);
  const auto centered = [&](int64_t i) {  // of lanes beyond the end 0
    const int64_t left = in.length - i;
    const f32x16 value = load_first(x + i, left);
    return in.centered ? keep(sub(value, mean), 0, left < 16 ? int(left) : 16, zero) : value;
  };
  for (int64_t i = 0; i < in.length; i += 16) {
    const f32x16 value = centered(i);
    squares = fma(value, value, squares);
  }
  const f32x16 inverse = broadcast(1.0f / __builtin_sqrtf(sum(squares) / float(in.length) + in.eps));
  with_out(program, in, item / groups, in.width, [&](auto out) {
    for (int64_t i = 0; i < in.length; i += 16) {
      f32x16 value = mul(centered(i), inverse);
      if (weight) value = mul(value, load_first(weight + own + i, in.length - i));
      if (bias) value = add(value, load_first(bias + own + i, in.length - i));
      out.put(at + i, value, in.length - i);
    }
  });
}

// As the instruction asks; an odd width of bfloat16 gets a zero beside its last element, as the weights do.
static void round_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const Span at = span(in, item);
  const float* x = row<float>(program, in.x, at.row);
  with_out(program, in, at.row, in.width, [&](auto out) {
    for (int64_t i = at.first; i < at.last; i += 16) out.put(i, load_first(x + i, at.last - i), at.last - i);
  });
  if (in.narrow == NARROW_BFLOAT16 && at.last == in.width && in.width % 2) row<uint16_t>(program, in.out, at.row)[in.width] = 0;
}

// What a matrix wants of its inputs (quant/transform.py): put into order, multiplied, turned.
static void transform_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const Span at = span(in, item);
  const float* x = row<float>(program, in.x, at.row);
  const int32_t* order = reinterpret_cast<const int32_t*>(in.address);
  const float* factors = reinterpret_cast<const float*>(in.factors);
  with_out(program, in, at.row, in.width, [&](auto out) {
    for (int64_t first = at.first; first < at.last; first += TURNED) {
      const int64_t count = at.last - first < TURNED ? at.last - first : TURNED;
      alignas(64) float some[TURNED];
      for (int64_t i = 0; i < count; ++i) {
        const float value = x[order ? order[first + i] : first + i];
        some[i] = factors ? value * factors[first + i] : value;
      }
      if (in.length) turn_whole(some);
      for (int64_t i = 0; i < count; i += 16) out.put(first + i, load_first(some + i, count - i), count - i);
    }
  });
}

template <f32x16 (*act)(f32x16)>
static void glu_by(const Program& program, const Instruction& in, const Span& at) {
  const float *gate = row<float>(program, in.x, at.row), *up = row<float>(program, in.y, at.row);
  with_out(program, in, at.row, in.width, [&](auto out) {
    for (int64_t i = at.first; i < at.last; i += 16)
      out.put(i, mul(act(load_first(gate + i, at.last - i)), load_first(up + i, at.last - i)), at.last - i);
  });
}

static void clamped_swish_span(const Program& program, const Instruction& in, const Span& at) {
  const float *gate = row<float>(program, in.x, at.row), *up = row<float>(program, in.y, at.row);
  const f32x16 limit = broadcast(in.limit), least = broadcast(-in.limit), one = broadcast(1.0f);
  with_out(program, in, at.row, in.width, [&](auto out) {
    for (int64_t i = at.first; i < at.last; i += 16) {
      const f32x16 x = min(load_first(gate + i, at.last - i), limit);
      const f32x16 y = max(min(load_first(up + i, at.last - i), limit), least);
      out.put(i, mul(logistic_product(x, mul(x, broadcast(in.scale))), add(y, one)), at.last - i);
    }
  });
}

static void limited_swish_span(const Program& program, const Instruction& in, const Span& at) {
  const float *gate = row<float>(program, in.x, at.row), *up = row<float>(program, in.y, at.row);
  const f32x16 limit = broadcast(in.limit), least = broadcast(-in.limit);
  with_out(program, in, at.row, in.width, [&](auto out) {
    for (int64_t i = at.first; i < at.last; i += 16) {
      const f32x16 opened = min(silu(load_first(gate + i, at.last - i)), limit);
      out.put(i, mul(opened, max(min(load_first(up + i, at.last - i), limit), least)), at.last - i);
    }
  });
}

static void glu_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  switch (in.act) {
    case SILU: return glu_by<silu>(program, in, span(in, item));
    case GELU: return glu_by<gelu>(program, in, span(in, item));
    case CLAMPED_SWISH: return clamped_swish_span(program, in, span(in, item));
    case LIMITED_SWISH: return limited_swish_span(program, in, span(in, item));
    case GELU_TANH: return glu_by<gelu_tanh>(program, in, span(in, item));
    case SIGMOID: return glu_by<sigmoid>(program, in, span(in, item));
    case RELU: return glu_by<relu>(program, in, span(in, item));
    case SOFTPLUS: return glu_by<softplus>(program, in, span(in, item));
    default: return glu_by<relu2>(program, in, span(in, item));
  }
}

// out = by(x), sixteen elements at a time.
template <class By>
static inline void each_by(const Program& program, const Instruction& in, int64_t item, By by) {
  const Span at = span(in, item);
  const float* x = row<float>(program, in.x, at.row);
  with_out(program, in, at.row, in.width, [&](auto out) {
    for (int64_t i = at.first; i < at.last; i += 16) out.put(i, by(load_first(x + i, at.last - i)), at.last - i);
  });
}

static void activate_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  switch (in.act) {
    case SILU: return each_by(program, in, item, silu);
    case GELU: return each_by(program, in, item, gelu);
    case GELU_TANH: return each_by(program, in, item, gelu_tanh);
    case SIGMOID: return each_by(program, in, item, sigmoid);
    case RELU: return each_by(program, in, item, relu);
    case SOFTPLUS: return each_by(program, in, item, softplus);
    default: return each_by(program, in, item, relu2);
  }
}

static void clip_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const f32x16 high = broadcast(in.scale), low = broadcast(-in.scale);
  each_by(program, in, item, [=](f32x16 x) { return min(max(x, low), high); });
}

static void add_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  const float *x = row<float>(program, in.x, r), *y = row<float>(program, in.y, r);
  float* out = row<float>(program, in.out, r);
  for (int64_t i = first; i < last; i += 16)
    store_first(out + i, fma(load_first(y + i, last - i), broadcast(in.scale), load_first(x + i, last - i)), last - i);
}

static void softcap_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  const float* x = row<float>(program, in.x, r);
  float* out = row<float>(program, in.out, r);
  const f32x16 factor = broadcast(in.cap > 0.0f ? in.scale / in.cap : in.scale);
  for (int64_t i = first; i < last; i += 16) {
    const f32x16 value = mul(load_first(x + i, last - i), factor);
    store_first(out + i, in.cap > 0.0f ? mul(tanh(value), broadcast(in.cap)) : value, last - i);
  }
}

static void select_span(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  // Of the step's tokens those of which something is wanted; of these those whose states are.
  const float* x = row<float>(program, in.x, in.counted == STATES_COUNTED ? step.logits_count + r : step.wanted[r]);
  float* out = row<float>(program, in.out, r);
  for (int64_t i = first; i < last; ++i) out[i] = x[i];
}

// What each head gives, times what a function makes of its gate.
static void gate_heads_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const Span at = span(in, item);
  const float *x = row<float>(program, in.x, at.row), *gates = row<float>(program, in.y, at.row);
  with_out(program, in, at.row, in.width, [&](auto out) {
    for (int64_t i = at.first, end; i < at.last; i = end) {
      const int64_t head = i / in.length;
      end = (head + 1) * in.length < at.last ? (head + 1) * in.length : at.last;
      const f32x16 gate = broadcast(gates[head]), open = in.act == SOFTPLUS ? softplus(gate) : sigmoid(gate);
      for (int64_t j = i; j < end; j += 16) out.put(j, mul(load_first(x + j, end - j), open), end - j);
    }
  });
}

// Above 0 a · x² + x/2, below it b · (e^x - 1 - x) + x/2, where softplus keeps both numbers in bounds (Huang & Schlag, 2024).
static void xielu_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const f32x16 half = broadcast(0.5f), zero = broadcast(0.0f), one = broadcast(1.0f);
  const f32x16 above = softplus(broadcast(*reinterpret_cast<const float*>(in.address)));
  const f32x16 below = add(half, softplus(broadcast(*reinterpret_cast<const float*>(in.factors))));
  each_by(program, in, item, [=](f32x16 x) {
    const f32x16 fall = sub(sub(exp(min(x, zero)), one), x);
    return fma(x, half, where_above(x, zero, mul(above, mul(x, x)), mul(below, fall)));
  });
}

static void columns_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  const float* x = row<float>(program, in.x, r) + in.offset;
  float* out = row<float>(program, in.out, r);
  for (int64_t i = first; i < last; ++i) out[i] = x[i];
}

// Factors are repeated where there are fewer than elements.
static void times_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  const float *x = row<float>(program, in.x, r), *factors = reinterpret_cast<const float*>(in.factors);
  float* out = row<float>(program, in.out, r);
  for (int64_t i = first; i < last; ++i) out[i] = x[i] * factors[i % in.length];
}

const OpKernel embed = {span_items, embed_span};
const OpKernel norm = {norm_items, norm_item};
const OpKernel round_rows = {span_items, round_span};
const OpKernel transform = {span_items, transform_span};
const OpKernel glu = {span_items, glu_span};
const OpKernel add_rows = {span_items, add_span};
const OpKernel select_rows = {span_items, select_span};
const OpKernel positions = {span_items, positions_span};
const OpKernel activate = {span_items, activate_span};
const OpKernel clip_rows = {span_items, clip_span};
const OpKernel softcap = {span_items, softcap_span};
const OpKernel columns = {span_items, columns_span};
const OpKernel times = {span_items, times_span};
const OpKernel gate_heads = {span_items, gate_heads_span};
const OpKernel xielu = {span_items, xielu_span};

}  // namespace
