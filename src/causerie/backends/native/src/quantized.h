// What the kernels of quantized matrices share: activations in 8 bits, and single values of a matrix (code_panels.h).
#pragma once
#include "code_panels.h"
#include "simd_bytes.h"

constexpr int64_t SUMMED = 32;         // activations whose codes are summed up
constexpr int64_t HALF = SUMMED / 2;
constexpr int64_t MOST_INPUTS = 128;   // that share a scale as activations
constexpr int32_t INFINITE = 0x7f800000;  // the bits of the least magnitude that is no number

// A row of activations in 8 bits, [width] codes; then a scale for each group of inputs; then of every 32 codes the number
// that an int4 block's products are added to: Σ x in the upper 16 bits, and 32768 - 8 · Σ x in the lower ones, which with
// those products stay 256 … 65280; then of every 16 codes their sum.
struct Activations {
  int8_t* codes;
  float* scales;
  int32_t* sums;
  int16_t* halves;
};
static inline int32_t sum_of(int32_t packed) { return packed >> 16; }
static inline int32_t packed_sum(int32_t sum) { return sum * (65536 - 8) + 32768; }
static inline Activations activations_of(void* row, int64_t width, int64_t group) {
  float* scales = reinterpret_cast<float*>(static_cast<int8_t*>(row) + width);
  int32_t* sums = reinterpret_cast<int32_t*>(scales + width / group);
  return {static_cast<int8_t*>(row), scales, sums, reinterpret_cast<int16_t*>(sums + width / SUMMED)};
}
// The same from a column on at which a group begins.
static inline Activations activations_from(void* row, int64_t width, int64_t group, int64_t column) {
  const Activations all = activations_of(row, width, group);
  return {all.codes + column, all.scales + column / group, all.sums + column / SUMMED, all.halves + column / HALF};
}

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

#ifndef CAUSERIE_FOUR_SUMS
static inline void four_sums(const i32x16* a, int32_t* to) {
  for (int i = 0; i < 4; ++i) to[i] = sum(a[i]);
}
#endif

// The codes of x · inverse, clamped where that may be no number, and their sums.
template <bool CLAMPED>
static inline __attribute__((always_inline)) void quantize_by(const float* x, int64_t group, f32x16 inverse, int8_t* codes, int32_t* sums, int16_t* halves) {
  i32x16 all[MOST_INPUTS / HALF];
  for (int64_t i = group / HALF; i < 4; ++i) all[i] = broadcast_int(0);
  for (int64_t i = 0; i < group; i += 16) {
    f32x16 level = mul(load(x + i), inverse);
    if (CLAMPED) level = max(min(level, broadcast(127.0f)), broadcast(-127.0f));
    const i32x16 code = to_int(level);
    store_i8(codes + i, code);
    all[i / HALF] = code;
  }
  int32_t each[MOST_INPUTS / HALF];
  for (int64_t i = 0; i < group / HALF; i += 4) four_sums(all + i, each + i);
  for (int64_t i = 0; i < group / HALF; ++i) halves[i] = int16_t(each[i]);
  for (int64_t i = 0; i < group / SUMMED; ++i) sums[i] = packed_sum(each[2 * i] + each[2 * i + 1]);
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
  int16_t* halves = to.halves + index * group / HALF;
  if (bits < INFINITE && group == MOST_INPUTS) quantize_by<false>(x, MOST_INPUTS, inverse, codes, sums, halves);
  else if (bits < INFINITE) quantize_by<false>(x, group, inverse, codes, sums, halves);
  else quantize_by<true>(x, group, inverse, codes, sums, halves);
  to.scales[index] = zero ? 0.0f : peak / 127.0f;
}

// The lower four bits of the code of input k, and `bits` more that lie in a plane of their own: see code_panels.h.
static inline int planed_code(const uint8_t* body, int64_t lane, int64_t k, int bits) {
  const int64_t steps = bits == 1 ? 8 : 4, chunk = (2 * steps + 4) * PANEL, step = k / 4 % steps;
  const uint8_t* own = body + k / (4 * steps) * chunk + 4 * lane + k % 4;
  const int low = own[step / 2 * 4 * PANEL] >> (step % 2 ? 4 : 0) & 15;
  return low | (own[steps / 2 * 4 * PANEL] >> bits * step & ((1 << bits) - 1)) << 4;
}

// The code of input k of a group, of a row of the panel.
static inline int code_at(const CodePanels& panels, const uint8_t* body, int64_t lane, int64_t k) {
  if (panels.input_group && panels.bits == 8) return body[(k / 4 * PANEL + lane) * 4 + k % 4];
  if (panels.bits == 8) return body[k * PANEL + lane];
  if (panels.bits > 4) return planed_code(body, lane, k, panels.bits - 4);
  if (panels.input_group) return body[(k / 8 * PANEL + lane) * 4 + k % 4] >> (k % 8 < 4 ? 0 : 4) & 15;
  return body[k * 32 + lane % 32] >> (lane < 32 ? 0 : 4) & 15;
}

// The scale of a row of the panel that is no byte of a row's units; `units` are what steps are of.
static inline float step_of(const CodePanels& panels, const uint8_t* units, const uint8_t* scale, int64_t lane) {
  switch (panels.scale) {
    case SCALE_BFLOAT16: return from_bf16(reinterpret_cast<const uint16_t*>(scale)[lane]);
    case SCALE_FLOAT16: return from_f16(reinterpret_cast<const uint16_t*>(scale)[lane]);
    case SCALE_EXPONENT: return float_of(uint32_t(scale[lane]) << 23);
    case SCALE_STEPS: return float(scale[lane]) * from_f16(reinterpret_cast<const uint16_t*>(units)[lane]);
    case SCALE_SIGNED_STEPS: return float(int8_t(scale[lane])) * from_f16(reinterpret_cast<const uint16_t*>(units)[lane]);
    default: return reinterpret_cast<const float*>(scale)[lane];
  }
}

// What is added to the product of a number and a scale.
static inline float low_of(const CodePanels& panels, const uint8_t* units, const uint8_t* zero, int64_t lane) {
  const uint16_t* sixteen = reinterpret_cast<const uint16_t*>(zero);
  const auto unit = [&] { return from_f16(reinterpret_cast<const uint16_t*>(units)[PANEL + lane]); };
  switch (panels.zero) {
    case ZERO_FLOAT16: return from_f16(sixteen[lane]);
    case ZERO_BFLOAT16: return from_bf16(sixteen[lane]);
    case ZERO_STEPS: return float(zero[lane]) * unit();
    case ZERO_SIGNED_STEPS: return float(int8_t(zero[lane])) * unit();
    default: return reinterpret_cast<const float*>(zero)[lane];
  }
}

// The value of one weight, as the format's reference gives it.
static inline float quantized_value(const CodePanels& panels, uint64_t weight, int64_t width, int64_t r, int64_t k) {
  const uint8_t* panel = panel_of(panels, weight, width, r / PANEL);
  const int64_t lane = r % PANEL;
  const uint8_t *units = panel + units_at(panels, k), *scale = panel + group_at(panels, k), *zero = scale + scale_bytes(panels);
  const int code = code_at(panels, scale + group_head(panels), lane, k % panels.group);
  if (panels.scale == SCALE_BYTE) {
    const float unit = reinterpret_cast<const float*>(panel)[lane] * 16.0f;
    return (unit * float(scale[lane])) * (float(code) - float(zero[lane]) / 16.0f);
  }
  const float step = step_of(panels, units, scale, lane);
  if (panels.tabled && panels.input_group)
    return float(reinterpret_cast<const uint8_t*>(weight)[code] - panels.center) * panels.factor * step;
  if (panels.tabled) return reinterpret_cast<const float*>(weight)[code] * step;
  if (!panels.input_group) return float(int8_t(code)) * step * panels.factor;
  const int number = code - panels.center;
  switch (panels.zero) {
    case ZERO_NONE: return float(number) * step;
    case ZERO_PARTS: return float(panels.parts * number + reinterpret_cast<const int32_t*>(zero)[lane]) * step;
    case ZERO_BYTE: return float(number - zero[lane]) * step;
    default: return float(number) * step + low_of(panels, units, zero, lane);
  }
}

}  // namespace
