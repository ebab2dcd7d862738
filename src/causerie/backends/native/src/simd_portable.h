// The sixteen lanes in plain C++, for machines without anything better and as the definition of the others.
#pragma once

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int VECTORS = 1;      // vectors of output rows that a tile of several tokens keeps in registers
constexpr int TOKENS = 4;       // tokens of a tile
constexpr int PAIR_TOKENS = 4;  // the same where weights are pairs

struct f32x16 { float lane[16]; };

#define CAUSERIE_LANES(expression) \
  f32x16 result;                   \
  for (int i = 0; i < 16; ++i) result.lane[i] = (expression); \
  return result

static inline f32x16 load(const float* p) { CAUSERIE_LANES(p[i]); }
static inline void store(float* p, f32x16 a) { for (int i = 0; i < 16; ++i) p[i] = a.lane[i]; }
static inline f32x16 broadcast(float a) { CAUSERIE_LANES(a); }
static inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { CAUSERIE_LANES(__builtin_fmaf(a.lane[i], b.lane[i], c.lane[i])); }
static inline f32x16 add(f32x16 a, f32x16 b) { CAUSERIE_LANES(a.lane[i] + b.lane[i]); }
static inline f32x16 sub(f32x16 a, f32x16 b) { CAUSERIE_LANES(a.lane[i] - b.lane[i]); }
static inline f32x16 mul(f32x16 a, f32x16 b) { CAUSERIE_LANES(a.lane[i] * b.lane[i]); }
static inline f32x16 div(f32x16 a, f32x16 b) { CAUSERIE_LANES(a.lane[i] / b.lane[i]); }
static inline f32x16 max(f32x16 a, f32x16 b) { CAUSERIE_LANES(a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]); }
static inline f32x16 min(f32x16 a, f32x16 b) { CAUSERIE_LANES(a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]); }
static inline f32x16 abs(f32x16 a) { CAUSERIE_LANES(float_of(bits_of(a.lane[i]) & 0x7fffffffu)); }
// |a| with the sign of s.
static inline f32x16 with_sign(f32x16 a, f32x16 s) {
  CAUSERIE_LANES(float_of((bits_of(a.lane[i]) & 0x7fffffffu) | (bits_of(s.lane[i]) & 0x80000000u)));
}
// x > limit ? a : b, lane by lane.
static inline f32x16 where_above(f32x16 x, f32x16 limit, f32x16 a, f32x16 b) {
  CAUSERIE_LANES(x.lane[i] > limit.lane[i] ? a.lane[i] : b.lane[i]);
}
// Lanes low <= i < high of a, `other` in the rest.
static inline f32x16 keep(f32x16 a, int low, int high, f32x16 other) {
  CAUSERIE_LANES(i >= low && i < high ? a.lane[i] : other.lane[i]);
}
// a · 2^n, where n is held in the low bits of t's mantissa (t = n + 1.5 · 2^23) and the product is normal.
static inline f32x16 scale_by_power(f32x16 a, f32x16 t) { CAUSERIE_LANES(float_of(bits_of(a.lane[i]) + (bits_of(t.lane[i]) << 23))); }
static inline f32x16 load_bf16(const uint16_t* p) { CAUSERIE_LANES(from_bf16(p[i])); }
static inline f32x16 load_f16(const uint16_t* p) { CAUSERIE_LANES(from_f16(p[i])); }
// 2^-8 of what a byte of E4M3 stands for; and of bytes 16 v … 16 v + 15.
static inline float from_e4m3(uint8_t byte) {
  return from_f16((byte & 0x7f) == 0x7f ? 0x7e00 : uint16_t((byte & 0x80) << 8 | (byte & 0x7f) << 7));
}
static inline f32x16 load_e4m3(const uint8_t* p, int v) { CAUSERIE_LANES(from_e4m3(p[16 * v + i])); }
static inline void store_bf16(uint16_t* p, f32x16 a) { for (int i = 0; i < 16; ++i) p[i] = to_bf16(a.lane[i]); }

// A fixed tree over the lanes: i and i + 8, then + 4, + 2, + 1.
static inline float sum(f32x16 a) {
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; ++i) a.lane[i] = a.lane[i] + a.lane[i + half];
  return a.lane[0];
}
static inline float largest(f32x16 a) {
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; ++i) a.lane[i] = a.lane[i] > a.lane[i + half] ? a.lane[i] : a.lane[i + half];
  return a.lane[0];
}

struct Pairs { f32x16 even, odd; };
static inline Pairs load_pairs(const uint16_t* p) {
  Pairs pairs;
  for (int i = 0; i < 16; ++i) pairs.even.lane[i] = from_bf16(p[2 * i]), pairs.odd.lane[i] = from_bf16(p[2 * i + 1]);
  return pairs;
}
static inline Pairs broadcast_pair(const uint16_t* p) { return {broadcast(from_bf16(p[0])), broadcast(from_bf16(p[1]))}; }
static inline f32x16 dot2(f32x16 acc, const Pairs& w, const Pairs& x) { return fma(w.even, x.even, fma(w.odd, x.odd, acc)); }

// The 128 weights of a step of packed.h as bfloat16; `bytes` are a panel's sixteen exponents.
struct Exponents { uint8_t bytes[16]; };
static inline Exponents load_exponents(const uint8_t* p) {
  Exponents exponents;
  for (int i = 0; i < 16; ++i) exponents.bytes[i] = p[i];
  return exponents;
}
static inline void unpack_step(const uint8_t* step, const Exponents& exponents, uint16_t* to) {
  for (int i = 0; i < 32; ++i) {
    const int codes = step[128 + 2 * i] | step[129 + 2 * i] << 8;
    for (int v = 0; v < 4; ++v) {
      const int own = step[32 * v + i];
      to[32 * v + i] = uint16_t((own & 0x80) << 8 | exponents.bytes[codes >> 4 * v & 15] << 7 | (own & 0x7f));
    }
  }
}

static inline Pairs unpack_pairs(const uint8_t* step, int v, const Exponents& exponents) {  // vector v of a step, of four
  uint16_t words[128];
  unpack_step(step, exponents, words);
  return load_pairs(words + 32 * v);
}

#undef CAUSERIE_LANES
}  // namespace
