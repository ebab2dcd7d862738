// simd_bytes.h with Arm's products of four bytes. With i8mm they take weights as they are held, unsigned; without it both
// are signed, and weights held as q + 128 are made so as they are loaded.
#pragma once
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

#if defined(__ARM_FEATURE_MATMUL_INT8)
constexpr int BIAS = 128;
#else
constexpr int BIAS = 0;
#endif

struct i32x16 { int32x4_t v[4]; };
struct Bytes { uint8x16_t v[4]; };

#define CAUSERIE_QUARTERS(type, expression) \
  type result;                              \
  for (int i = 0; i < 4; ++i) result.v[i] = (expression); \
  return result

static inline i32x16 broadcast_int(int32_t a) { CAUSERIE_QUARTERS(i32x16, vdupq_n_s32(a)); }
static inline i32x16 add(i32x16 a, i32x16 b) { CAUSERIE_QUARTERS(i32x16, vaddq_s32(a.v[i], b.v[i])); }
static inline i32x16 sub(i32x16 a, i32x16 b) { CAUSERIE_QUARTERS(i32x16, vsubq_s32(a.v[i], b.v[i])); }
static inline i32x16 upper(i32x16 a) { CAUSERIE_QUARTERS(i32x16, vshlq_n_s32(a.v[i], 16)); }
static inline i32x16 mul_low(i32x16 a, i32x16 b) { CAUSERIE_QUARTERS(i32x16, vmulq_s32(a.v[i], b.v[i])); }
static inline i32x16 signed_low(i32x16 a) { CAUSERIE_QUARTERS(i32x16, veorq_s32(a.v[i], vdupq_n_s32(0x8000))); }
static inline int32x4_t low_of4(int32x4_t a) { return vshrq_n_s32(vshlq_n_s32(a, 16), 16); }
static inline int32x4_t high_of4(int32x4_t a) { return vshrq_n_s32(a, 16); }
static inline i32x16 dot2(i32x16 acc, i32x16 a, i32x16 b) {
  CAUSERIE_QUARTERS(i32x16, vmlaq_s32(vmlaq_s32(acc.v[i], low_of4(a.v[i]), low_of4(b.v[i])), high_of4(a.v[i]), high_of4(b.v[i])));
}
static inline i32x16 load_int(const int32_t* p) { CAUSERIE_QUARTERS(i32x16, vld1q_s32(p + 4 * i)); }
static inline void store_int(int32_t* p, i32x16 a) {
  for (int i = 0; i < 4; ++i) vst1q_s32(p + 4 * i, a.v[i]);
}
static inline i32x16 max(i32x16 a, i32x16 b) { CAUSERIE_QUARTERS(i32x16, vmaxq_s32(a.v[i], b.v[i])); }
static inline i32x16 high_codes(i32x16 a) { CAUSERIE_QUARTERS(i32x16, vshrq_n_s32(a.v[i], 4)); }
static inline f32x16 to_float(i32x16 a) { CAUSERIE_QUARTERS(f32x16, vcvtq_f32_s32(a.v[i])); }
static inline i32x16 to_int(f32x16 a) { CAUSERIE_QUARTERS(i32x16, vcvtnq_s32_f32(a.v[i])); }  // to the nearest, ties to even
static inline i32x16 magnitude_bits(f32x16 a) {
  CAUSERIE_QUARTERS(i32x16, vandq_s32(vreinterpretq_s32_f32(a.v[i]), vdupq_n_s32(0x7fffffff)));
}
static inline i32x16 load_u8(const uint8_t* p) {
  const uint8x16_t bytes = vld1q_u8(p);
  const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_u8(vget_high_u8(bytes));
  return {{vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(low))),
           vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(high)))}};
}
static inline i32x16 load_i8(const int8_t* p) {
  const int8x16_t bytes = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
  return {{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)), vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))}};
}
static inline void store_i8(int8_t* p, i32x16 a) {
  const int16x8_t low = vcombine_s16(vmovn_s32(a.v[0]), vmovn_s32(a.v[1]));
  const int16x8_t high = vcombine_s16(vmovn_s32(a.v[2]), vmovn_s32(a.v[3]));
  vst1q_s8(p, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}
static inline int32_t largest(i32x16 a) { return vmaxvq_s32(vmaxq_s32(vmaxq_s32(a.v[0], a.v[1]), vmaxq_s32(a.v[2], a.v[3]))); }
static inline int32_t sum(i32x16 a) { return vaddvq_s32(vaddq_s32(vaddq_s32(a.v[0], a.v[1]), vaddq_s32(a.v[2], a.v[3]))); }
static inline Bytes load_bytes(const void* p) { CAUSERIE_QUARTERS(Bytes, vld1q_u8(static_cast<const uint8_t*>(p) + 16 * i)); }
static inline Bytes broadcast_four(const int8_t* p) {
  uint32_t four;
  __builtin_memcpy(&four, p, 4);
  CAUSERIE_QUARTERS(Bytes, vreinterpretq_u8_u32(vdupq_n_u32(four)));
}
#if defined(__ARM_FEATURE_MATMUL_INT8)
static inline i32x16 dot4(i32x16 acc, const Bytes& w, const Bytes& x) {
  CAUSERIE_QUARTERS(i32x16, vusdotq_s32(acc.v[i], w.v[i], vreinterpretq_s8_u8(x.v[i])));
}
static inline i32x16 dot4_biased(i32x16 acc, const Bytes& w, const Bytes& x) { return dot4(acc, w, x); }
#else
// Weights here are less than 128, which a signed byte holds.
static inline i32x16 dot4(i32x16 acc, const Bytes& w, const Bytes& x) {
  CAUSERIE_QUARTERS(i32x16, vdotq_s32(acc.v[i], vreinterpretq_s8_u8(w.v[i]), vreinterpretq_s8_u8(x.v[i])));
}
static inline i32x16 dot4_biased(i32x16 acc, const Bytes& w, const Bytes& x) {
  CAUSERIE_QUARTERS(i32x16, vdotq_s32(acc.v[i], vreinterpretq_s8_u8(veorq_u8(w.v[i], vdupq_n_u8(128))), vreinterpretq_s8_u8(x.v[i])));
}
#endif
static inline Bytes low_nibbles(Bytes a) { CAUSERIE_QUARTERS(Bytes, vandq_u8(a.v[i], vdupq_n_u8(15))); }
static inline Bytes high_nibbles(Bytes a) { CAUSERIE_QUARTERS(Bytes, vshrq_n_u8(a.v[i], 4)); }
static inline void store_bytes(void* p, const Bytes& a) {
  for (int i = 0; i < 4; ++i) vst1q_u8(static_cast<uint8_t*>(p) + 16 * i, a.v[i]);
}
template <int LEFT, int MASK>
static inline Bytes merge_bits(const Bytes& a, const Bytes& b) {
  CAUSERIE_QUARTERS(Bytes, vorrq_u8(a.v[i], vandq_u8(vshlq_u8(b.v[i], vdupq_n_s8(LEFT)), vdupq_n_u8(MASK))));
}
using ByteTable = uint8x16_t;
static inline ByteTable load_byte_table(const uint8_t* p) { return vld1q_u8(p); }
static inline Bytes look_up_bytes(ByteTable table, Bytes at) { CAUSERIE_QUARTERS(Bytes, vqtbl1q_u8(table, at.v[i])); }
static inline f32x16 power_of_two(i32x16 a) { CAUSERIE_QUARTERS(f32x16, vreinterpretq_f32_s32(vshlq_n_s32(a.v[i], 23))); }

struct Table { uint8x16x4_t bytes; };
static inline Table load_table(const float* p) {
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(p);
  return {{{vld1q_u8(bytes), vld1q_u8(bytes + 16), vld1q_u8(bytes + 32), vld1q_u8(bytes + 48)}}};
}
static inline f32x16 look_up(const Table& table, const i32x16& at) {
  f32x16 result;
  for (int i = 0; i < 4; ++i) {
    // Byte j of entry n lies at 4 n + j.
    const uint32x4_t entry = vandq_u32(vreinterpretq_u32_s32(at.v[i]), vdupq_n_u32(15));
    const uint32x4_t places = vmlaq_n_u32(vdupq_n_u32(0x03020100), entry, 0x04040404);
    result.v[i] = vreinterpretq_f32_u8(vqtbl4q_u8(table.bytes, vreinterpretq_u8_u32(places)));
  }
  return result;
}

#undef CAUSERIE_QUARTERS
}  // namespace
