// Quantized matrices as kernels read them: panels of 64 rows, each one stream of groups of inputs with their scales in
// front, so that nothing but the panel is read. The arrays they are made from are described in quant/*.py.
//
// int8      [panel] of groups of 64 inputs (32 where 64 does not divide the width):
//           scale bfloat16 [64 rows], then [inputs / 4][64 rows][4 inputs] of code + 128
// int4      [panel] of: unit / 16 as float32 [64 rows]; then groups of 32 inputs:
//           scale uint8 [64 rows], zero uint8 [64 rows], then [inputs / 8][64 rows][4 bytes]: byte j of step i holds the
//           code of input 8i + j in its low nibble and of 8i + 4 + j in its high one
// lookup4   the 16 values of codes, float32, padded to 256 bytes; then [panel] of groups of gcd(64, width) inputs:
//           absmax float32 [64 rows], then [inputs][32 bytes]: byte i holds row i in its low nibble, row i + 32 in its high
// row_int8  [panel] of: scale float32 [64 rows], then [inputs][64 rows] of code
#pragma once
#include "simd_bytes.h"

constexpr int64_t INT4_GROUP = 32;
constexpr int64_t SUMMED = 32;         // activations whose codes are summed up
constexpr int64_t MOST_INPUTS = 128;   // that share a scale as activations
constexpr int32_t INFINITE = 0x7f800000;  // the bits of the least magnitude that is no number

// How many inputs share a scale.
static inline int64_t group_of(int32_t format, int64_t width) {
  if (format == INT8) return width % 64 == 0 ? 64 : 32;
  if (format == INT4) return INT4_GROUP;
  if (format == ROW_INT8) return width;
  int64_t group = 64;  // gcd(64, width)
  while (width % group) group /= 2;
  return group;
}

// Bytes before the first group of a panel, of a group's scales, and of its codes.
static inline int64_t panel_head(int32_t format) { return format == INT4 ? 4 * PANEL : 0; }
static inline int64_t group_head(int32_t format) { return format == LOOKUP4 || format == ROW_INT8 ? 4 * PANEL : 2 * PANEL; }
static inline int64_t group_bytes(int32_t format, int64_t group) {
  const bool nibbles = format == INT4 || format == LOOKUP4;
  return group_head(format) + (nibbles ? group * PANEL / 2 : group * PANEL);
}
static inline int64_t panel_bytes(int32_t format, int64_t width) {
  const int64_t group = group_of(format, width);
  return panel_head(format) + width / group * group_bytes(format, group);
}

static inline const uint8_t* panel_of(int32_t format, uint64_t weight, int64_t width, int64_t panel) {
  return reinterpret_cast<const uint8_t*>(weight) + (format == LOOKUP4 ? TABLE_BYTES : 0) + panel * panel_bytes(format, width);
}

// How many inputs share a scale as activations, for the formats that read them in 8 bits.
static inline int64_t input_group(int32_t format, int64_t width) {
  if (format == INT4 && width % MOST_INPUTS == 0) return MOST_INPUTS;
  return width % 64 == 0 ? 64 : 32;
}

// A row of activations in 8 bits, [width] codes; then a scale for each group of inputs; then of every 32 codes the number
// that an int4 block's products are added to: Σ x in the upper 16 bits, and 32768 - 8 · Σ x in the lower ones, which with
// those products stay 256 … 65280.
struct Codes {
  int8_t* codes;
  float* scales;
  int32_t* sums;
};
static inline int32_t sum_of(int32_t packed) { return packed >> 16; }
static inline int32_t packed_sum(int32_t sum) { return sum * (65536 - 8) + 32768; }
static inline Codes codes_of(void* row, int64_t width, int64_t group) {
  float* scales = reinterpret_cast<float*>(static_cast<int8_t*>(row) + width);
  return {static_cast<int8_t*>(row), scales, reinterpret_cast<int32_t*>(scales + width / group)};
}

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

#ifndef CAUSERIE_FOUR_SUMS
static inline void four_sums(const i32x16* a, int32_t* to) {
  for (int i = 0; i < 4; ++i) to[i] = sum(a[i]);
}
#endif

// The codes of x · inverse, clamped where that may be no number, and their sums.
template <bool CLAMPED>
static inline __attribute__((always_inline)) void quantize_by(const float* x, int64_t group, f32x16 inverse, int8_t* codes, int32_t* sums) {
  i32x16 all[MOST_INPUTS / SUMMED] = {broadcast_int(0), broadcast_int(0), broadcast_int(0), broadcast_int(0)};
  for (int64_t i = 0; i < group; i += 16) {
    f32x16 level = mul(load(x + i), inverse);
    if (CLAMPED) level = max(min(level, broadcast(127.0f)), broadcast(-127.0f));
    const i32x16 code = to_int(level);
    store_i8(codes + i, code);
    all[i / SUMMED] = add(all[i / SUMMED], code);
  }
  int32_t each[MOST_INPUTS / SUMMED];
  four_sums(all, each);
  for (int64_t i = 0; i < group / SUMMED; ++i) sums[i] = packed_sum(each[i]);
}

// One group of activations: codes -127 … 127 of the largest magnitude. A NaN or an infinity makes the scale one, so that it
// is not lost; what is below 1e-30 counts as zero.
static inline void quantize_group(const float* x, int64_t group, const Codes& to, int64_t index) {
  i32x16 peaks = broadcast_int(0);
  for (int64_t i = 0; i < group; i += 16) peaks = max(peaks, magnitude_bits(load(x + i)));
  const int32_t bits = largest(peaks);
  const float peak = float_of(uint32_t(bits));
  const bool zero = peak < 1e-30f;
  const f32x16 inverse = broadcast(zero ? 0.0f : 127.0f / peak);
  int8_t* codes = to.codes + index * group;
  int32_t* sums = to.sums + index * group / SUMMED;
  if (bits < INFINITE && group == MOST_INPUTS) quantize_by<false>(x, MOST_INPUTS, inverse, codes, sums);
  else if (bits < INFINITE) quantize_by<false>(x, group, inverse, codes, sums);
  else quantize_by<true>(x, group, inverse, codes, sums);
  to.scales[index] = zero ? 0.0f : peak / 127.0f;
}

// The value of one weight, as the format's reference gives it.
static inline float quantized_value(int32_t format, uint64_t weight, int64_t width, int64_t r, int64_t k) {
  const uint8_t* panel = panel_of(format, weight, width, r / PANEL);
  const int64_t group = group_of(format, width), lane = r % PANEL, i = k % group;
  const uint8_t* head = panel + panel_head(format) + k / group * group_bytes(format, group);
  const uint8_t* body = head + group_head(format);
  const float own = reinterpret_cast<const float*>(head)[lane];
  switch (format) {
    case INT8: {
      const uint16_t scale = reinterpret_cast<const uint16_t*>(head)[lane];
      return float(body[(i / 4 * PANEL + lane) * 4 + i % 4] - 128) * from_bf16(scale);
    }
    case INT4: {
      const uint8_t byte = body[(i / 8 * PANEL + lane) * 4 + i % 4];
      const int code = i % 8 < 4 ? byte & 15 : byte >> 4;
      const float unit = reinterpret_cast<const float*>(panel)[lane] * 16.0f;
      return (unit * float(head[lane])) * (float(code) - float(head[PANEL + lane]) / 16.0f);
    }
    case LOOKUP4: {
      const uint8_t byte = body[i * 32 + lane % 32];
      return reinterpret_cast<const float*>(weight)[lane < 32 ? byte & 15 : byte >> 4] * own;
    }
    default: return float(reinterpret_cast<const int8_t*>(body)[i * PANEL + lane]) * own * ROW_INT8_STEP;
  }
}

}  // namespace
