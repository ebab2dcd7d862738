// What the kernels of quantized matrices share: activations in 8 bits, and single values of a matrix (code_panels.h).
#pragma once
#include "code_panels.h"
#include "simd_bytes.h"

constexpr int64_t SUMMED = 32;         // activations whose codes are summed up
constexpr int64_t MOST_INPUTS = 128;   // that share a scale as activations
constexpr int32_t INFINITE = 0x7f800000;  // the bits of the least magnitude that is no number

// A row of activations in 8 bits, [width] codes; then a scale for each group of inputs; then of every 32 codes the number
// that an int4 block's products are added to: Σ x in the upper 16 bits, and 32768 - 8 · Σ x in the lower ones, which with
// those products stay 256 … 65280.
struct Activations {
  int8_t* codes;
  float* scales;
  int32_t* sums;
};
static inline int32_t sum_of(int32_t packed) { return packed >> 16; }
static inline int32_t packed_sum(int32_t sum) { return sum * (65536 - 8) + 32768; }
static inline Activations activations_of(void* row, int64_t width, int64_t group) {
  float* scales = reinterpret_cast<float*>(static_cast<int8_t*>(row) + width);
  return {static_cast<int8_t*>(row), scales, reinterpret_cast<int32_t*>(scales + width / group)};
}
// The same from a column on at which a group begins.
static inline Activations activations_from(void* row, int64_t width, int64_t group, int64_t column) {
  const Activations all = activations_of(row, width, group);
  return {all.codes + column, all.scales + column / group, all.sums + column / SUMMED};
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
static inline void quantize_group(const float* x, int64_t group, const Activations& to, int64_t index) {
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

// The code of input k of a group, of a row of the panel.
static inline int code_at(const CodePanels& panels, const uint8_t* body, int64_t lane, int64_t k) {
  if (panels.input_group && panels.bits == 8) return body[(k / 4 * PANEL + lane) * 4 + k % 4];
  if (panels.bits == 8) return body[k * PANEL + lane];
  if (panels.input_group) return body[(k / 8 * PANEL + lane) * 4 + k % 4] >> (k % 8 < 4 ? 0 : 4) & 15;
  return body[k * 32 + lane % 32] >> (lane < 32 ? 0 : 4) & 15;
}

// The scale of a row of the panel that is no byte of units.
static inline float step_of(const CodePanels& panels, const uint8_t* scale, int64_t lane) {
  switch (panels.scale) {
    case SCALE_BFLOAT16: return from_bf16(reinterpret_cast<const uint16_t*>(scale)[lane]);
    case SCALE_EXPONENT: return float_of(uint32_t(scale[lane]) << 23);
    default: return reinterpret_cast<const float*>(scale)[lane];
  }
}

// The value of one weight, as the format's reference gives it.
static inline float quantized_value(const CodePanels& panels, uint64_t weight, int64_t width, int64_t r, int64_t k) {
  const uint8_t* panel = panel_of(panels, weight, width, r / PANEL);
  const int64_t lane = r % PANEL;
  const uint8_t *scale = panel + panel_head(panels) + k / panels.group * group_bytes(panels), *zero = scale + scale_bytes(panels);
  const int code = code_at(panels, scale + group_head(panels), lane, k % panels.group);
  if (panels.scale == SCALE_BYTE) {
    const float unit = reinterpret_cast<const float*>(panel)[lane] * 16.0f;
    return (unit * float(scale[lane])) * (float(code) - float(zero[lane]) / 16.0f);
  }
  const float step = step_of(panels, scale, lane);
  if (panels.tabled && panels.input_group)
    return float(reinterpret_cast<const uint8_t*>(weight)[code] - panels.center) * panels.factor * step;
  if (panels.tabled) return reinterpret_cast<const float*>(weight)[code] * step;
  if (!panels.input_group) return float(int8_t(code)) * step * panels.factor;
  const int number = code - panels.center;
  switch (panels.zero) {
    case ZERO_PARTS: return float(panels.parts * number + reinterpret_cast<const int32_t*>(zero)[lane]) * step;
    case ZERO_LOW: return float(number) * step + reinterpret_cast<const float*>(zero)[lane];
    default: return float(number) * step;
  }
}

}  // namespace
