// The sixteen lanes as four registers of Arm's NEON. What each function means: simd_portable.h.
#pragma once
#include <arm_neon.h>

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int VECTORS = 1;
constexpr int TOKENS = 4;       // of 32 registers, 16 hold a tile of 16 rows and 4 tokens
constexpr int PAIR_TOKENS = 4;  // the same, when the weights take 8

struct f32x16 { float32x4_t v[4]; };

#define CAUSERIE_QUARTERS(expression) \
  f32x16 result;                      \
  for (int i = 0; i < 4; ++i) result.v[i] = (expression); \
  return result

static inline f32x16 load(const float* p) { CAUSERIE_QUARTERS(vld1q_f32(p + 4 * i)); }
static inline void store(float* p, f32x16 a) { for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]); }
static inline f32x16 broadcast(float a) { CAUSERIE_QUARTERS(vdupq_n_f32(a)); }
static inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { CAUSERIE_QUARTERS(vfmaq_f32(c.v[i], a.v[i], b.v[i])); }
static inline f32x16 add(f32x16 a, f32x16 b) { CAUSERIE_QUARTERS(vaddq_f32(a.v[i], b.v[i])); }
static inline f32x16 sub(f32x16 a, f32x16 b) { CAUSERIE_QUARTERS(vsubq_f32(a.v[i], b.v[i])); }
static inline f32x16 mul(f32x16 a, f32x16 b) { CAUSERIE_QUARTERS(vmulq_f32(a.v[i], b.v[i])); }
static inline f32x16 div(f32x16 a, f32x16 b) { CAUSERIE_QUARTERS(vdivq_f32(a.v[i], b.v[i])); }
// Not fmax and fmin, which have other rules for a NaN and for zeros.
static inline float32x4_t max4(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
static inline float32x4_t min4(float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
static inline f32x16 max(f32x16 a, f32x16 b) { CAUSERIE_QUARTERS(max4(a.v[i], b.v[i])); }
static inline f32x16 min(f32x16 a, f32x16 b) { CAUSERIE_QUARTERS(min4(a.v[i], b.v[i])); }
static inline f32x16 abs(f32x16 a) { CAUSERIE_QUARTERS(vabsq_f32(a.v[i])); }
static inline f32x16 with_sign(f32x16 a, f32x16 s) {
  CAUSERIE_QUARTERS(vbslq_f32(vdupq_n_u32(0x80000000u), s.v[i], a.v[i]));
}
static inline f32x16 where_above(f32x16 x, f32x16 limit, f32x16 a, f32x16 b) {
  CAUSERIE_QUARTERS(vbslq_f32(vcgtq_f32(x.v[i], limit.v[i]), a.v[i], b.v[i]));
}
static inline f32x16 keep(f32x16 a, int low, int high, f32x16 other) {
  const int32_t first[] = {0, 1, 2, 3};
  const int32x4_t lane = vld1q_s32(first);
  f32x16 result;
  for (int i = 0; i < 4; ++i) {
    const uint32x4_t below = vcltq_s32(lane, vdupq_n_s32(high - 4 * i)), from = vcgeq_s32(lane, vdupq_n_s32(low - 4 * i));
    result.v[i] = vbslq_f32(vandq_u32(below, from), a.v[i], other.v[i]);
  }
  return result;
}
static inline f32x16 scale_by_power(f32x16 a, f32x16 t) {
  CAUSERIE_QUARTERS(vreinterpretq_f32_u32(
      vaddq_u32(vreinterpretq_u32_f32(a.v[i]), vshlq_n_u32(vreinterpretq_u32_f32(t.v[i]), 23))));
}
static inline f32x16 load_bf16(const uint16_t* p) {
  CAUSERIE_QUARTERS(vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)));
}
static inline f32x16 load_f16(const uint16_t* p) {
  CAUSERIE_QUARTERS(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i))));
}
// Of bytes 16 v … 16 v + 15 of E4M3: as float16 their bits stand for 2^-8 of their values; all ones are no number.
static inline f32x16 load_e4m3(const uint8_t* p, int v) {
  const int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(p + 16 * v));
  f32x16 result;
  for (int i = 0; i < 2; ++i) {
    const uint16x8_t words = vreinterpretq_u16_s16(vmovl_s8(i ? vget_high_s8(bytes) : vget_low_s8(bytes)));
    const uint16x8_t place = vdupq_n_u16(0x3f80), size = vandq_u16(vshlq_n_u16(words, 7), place);
    const uint16x8_t none = vandq_u16(vceqq_u16(size, place), vdupq_n_u16(0x7e00));
    const uint16x8_t half = vorrq_u16(vorrq_u16(size, none), vandq_u16(words, vdupq_n_u16(0x8000)));
    result.v[2 * i] = vcvt_f32_f16(vreinterpret_f16_u16(vget_low_u16(half)));
    result.v[2 * i + 1] = vcvt_f32_f16(vreinterpret_f16_u16(vget_high_u16(half)));
  }
  return result;
}
static inline void store_bf16(uint16_t* p, f32x16 a) {  // by the bits, as to_bf16 does
  for (int i = 0; i < 4; ++i) {
    const uint32x4_t bits = vreinterpretq_u32_f32(a.v[i]), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    vst1_u16(p + 4 * i, vshrn_n_u32(vbslq_u32(vceqq_f32(a.v[i], a.v[i]), rounded, quiet), 16));
  }
}

// A macro for the tree of simd_portable.h: lanes + 8 and + 4 are other registers, + 2 and + 1 within one.
#define CAUSERIE_TREE(name, four_of)                                                          \
  static inline float name(f32x16 a) {                                                        \
    const float32x4_t four = four_of(four_of(a.v[0], a.v[2]), four_of(a.v[1], a.v[3]));       \
    const float32x4_t two = four_of(four, vextq_f32(four, four, 2));                          \
    return vgetq_lane_f32(four_of(two, vextq_f32(two, two, 1)), 0);                           \
  }
CAUSERIE_TREE(sum, vaddq_f32)
CAUSERIE_TREE(largest, max4)
#undef CAUSERIE_TREE

struct Pairs { f32x16 even, odd; };
static inline Pairs split(const uint32x4_t* raw) {
  Pairs pairs;
  for (int i = 0; i < 4; ++i) {
    pairs.even.v[i] = vreinterpretq_f32_u32(vshlq_n_u32(raw[i], 16));
    pairs.odd.v[i] = vreinterpretq_f32_u32(vandq_u32(raw[i], vdupq_n_u32(0xffff0000u)));
  }
  return pairs;
}
static inline Pairs load_pairs(const uint16_t* p) {
  uint32x4_t raw[4];
  for (int i = 0; i < 4; ++i) raw[i] = vreinterpretq_u32_u16(vld1q_u16(p + 8 * i));
  return split(raw);
}
static inline Pairs broadcast_pair(const uint16_t* p) { return {broadcast(from_bf16(p[0])), broadcast(from_bf16(p[1]))}; }
static inline f32x16 dot2(f32x16 acc, const Pairs& w, const Pairs& x) { return fma(w.even, x.even, fma(w.odd, x.odd, acc)); }

struct Exponents { uint8x16_t bytes; };
static inline Exponents load_exponents(const uint8_t* p) { return {vld1q_u8(p)}; }
static inline uint16x8_t unpack_words(const uint8_t* own, uint16x8_t codes, const Exponents& exponents) {
  const uint16x8_t code = vandq_u16(codes, vdupq_n_u16(15));
  const uint16x8_t found = vmovl_u8(vqtbl1_u8(exponents.bytes, vmovn_u16(code)));
  const uint16x8_t sign_and_mantissa = vreinterpretq_u16_s16(vmovl_s8(vreinterpret_s8_u8(vld1_u8(own))));
  return vbslq_u16(vdupq_n_u16(0x7f80), vshlq_n_u16(found, 7), sign_and_mantissa);
}
static inline void unpack_step(const uint8_t* step, const Exponents& exponents, uint16_t* to) {
  for (int part = 0; part < 32; part += 8) {
    uint16x8_t codes = vreinterpretq_u16_u8(vld1q_u8(step + 128 + 2 * part));
    for (int v = 0; v < 4; ++v) {
      vst1q_u16(to + 32 * v + part, unpack_words(step + 32 * v + part, codes, exponents));
      codes = vshrq_n_u16(codes, 4);
    }
  }
}
static inline Pairs unpack_pairs(const uint8_t* step, int v, const Exponents& exponents) {  // vector v of a step, of four
  uint32x4_t raw[4];
  for (int part = 0; part < 4; ++part) {
    const uint16x8_t codes = vreinterpretq_u16_u8(vld1q_u8(step + 128 + 16 * part));
    const uint16x8_t own_codes = vshlq_u16(codes, vdupq_n_s16(int16_t(-4 * v)));  // by a negative count: to the right
    raw[part] = vreinterpretq_u32_u16(unpack_words(step + 32 * v + 8 * part, own_codes, exponents));
  }
  return split(raw);
}

#undef CAUSERIE_QUARTERS
}  // namespace
