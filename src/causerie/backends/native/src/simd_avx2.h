// The sixteen lanes as two registers of AVX2 with FMA and F16C. What each function means: simd_portable.h.
#pragma once
#include <immintrin.h>

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int VECTORS = 1;
constexpr int TOKENS = 6;       // of sixteen registers, 12 hold a tile of 16 rows and 6 tokens
constexpr int PAIR_TOKENS = 4;  // 8, when the weights take 4 and the input 2

struct f32x16 { __m256 low, high; };

static inline f32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline void store(float* p, f32x16 a) { _mm256_storeu_ps(p, a.low), _mm256_storeu_ps(p + 8, a.high); }
static inline f32x16 broadcast(float a) { return {_mm256_set1_ps(a), _mm256_set1_ps(a)}; }
static inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
#define CAUSERIE_BOTH(name, intrinsic) \
  static inline f32x16 name(f32x16 a, f32x16 b) { return {intrinsic(a.low, b.low), intrinsic(a.high, b.high)}; }
CAUSERIE_BOTH(add, _mm256_add_ps)
CAUSERIE_BOTH(sub, _mm256_sub_ps)
CAUSERIE_BOTH(mul, _mm256_mul_ps)
CAUSERIE_BOTH(div, _mm256_div_ps)
CAUSERIE_BOTH(max, _mm256_max_ps)
CAUSERIE_BOTH(min, _mm256_min_ps)
#undef CAUSERIE_BOTH
static inline f32x16 abs(f32x16 a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}
static inline f32x16 with_sign(f32x16 a, f32x16 s) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const f32x16 plain = abs(a);
  return {_mm256_or_ps(plain.low, _mm256_and_ps(sign, s.low)), _mm256_or_ps(plain.high, _mm256_and_ps(sign, s.high))};
}
static inline f32x16 where_above(f32x16 x, f32x16 limit, f32x16 a, f32x16 b) {
  return {_mm256_blendv_ps(b.low, a.low, _mm256_cmp_ps(x.low, limit.low, _CMP_GT_OQ)),
          _mm256_blendv_ps(b.high, a.high, _mm256_cmp_ps(x.high, limit.high, _CMP_GT_OQ))};
}
static inline __m256 keep8(__m256 a, int low, int high, __m256 other) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i inside = _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(low), lane),
                                             _mm256_cmpgt_epi32(_mm256_set1_epi32(high), lane));
  return _mm256_blendv_ps(other, a, _mm256_castsi256_ps(inside));
}
static inline f32x16 keep(f32x16 a, int low, int high, f32x16 other) {
  return {keep8(a.low, low, high, other.low), keep8(a.high, low - 8, high - 8, other.high)};
}
static inline __m256 scale8(__m256 a, __m256 t) {
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(t), 23)));
}
static inline f32x16 scale_by_power(f32x16 a, f32x16 t) { return {scale8(a.low, t.low), scale8(a.high, t.high)}; }
static inline __m256 bf16_of8(const uint16_t* p) {
  const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw), 16));
}
static inline f32x16 load_bf16(const uint16_t* p) { return {bf16_of8(p), bf16_of8(p + 8)}; }
static inline f32x16 load_f16(const uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
}
static inline f32x16 load_e4m3(const uint8_t* p, int v) {
  const __m256i words = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + v));
  const __m256i place = _mm256_set1_epi16(0x3f80), size = _mm256_and_si256(_mm256_slli_epi16(words, 7), place);
  const __m256i none = _mm256_and_si256(_mm256_cmpeq_epi16(size, place), _mm256_set1_epi16(0x7e00));
  const __m256i half = _mm256_or_si256(_mm256_or_si256(size, none), _mm256_and_si256(words, _mm256_set1_epi16(int16_t(0x8000))));
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(half)), _mm256_cvtph_ps(_mm256_extracti128_si256(half, 1))};
}
static inline void store_bf16(uint16_t* p, f32x16 a) {
  alignas(64) float lanes[16];
  store(lanes, a);
  for (int i = 0; i < 16; ++i) p[i] = to_bf16(lanes[i]);
}

// A macro for the tree of simd_portable.h: + 8 is the other register, then + 4, + 2, + 1 within one.
#define CAUSERIE_TREE(name, wide, narrow)                                                   \
  static inline float name(f32x16 a) {                                                      \
    const __m256 eight = wide(a.low, a.high);                                               \
    const __m128 four = narrow(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1)); \
    const __m128 two = narrow(four, _mm_movehl_ps(four, four));                             \
    return _mm_cvtss_f32(narrow(two, _mm_shuffle_ps(two, two, 1)));                         \
  }
CAUSERIE_TREE(sum, _mm256_add_ps, _mm_add_ps)
CAUSERIE_TREE(largest, _mm256_max_ps, _mm_max_ps)
#undef CAUSERIE_TREE

struct Pairs { f32x16 even, odd; };
static inline Pairs split(__m256i low, __m256i high) {
  const __m256i upper = _mm256_set1_epi32(int(0xffff0000u));
  return {{_mm256_castsi256_ps(_mm256_slli_epi32(low, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(high, 16))},
          {_mm256_castsi256_ps(_mm256_and_si256(low, upper)), _mm256_castsi256_ps(_mm256_and_si256(high, upper))}};
}
static inline Pairs load_pairs(const uint16_t* p) {
  return split(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 16)));
}
static inline Pairs broadcast_pair(const uint16_t* p) {
  int pair;
  __builtin_memcpy(&pair, p, 4);
  const __m256i both = _mm256_set1_epi32(pair);
  return split(both, both);
}
static inline f32x16 dot2(f32x16 acc, const Pairs& w, const Pairs& x) { return fma(w.even, x.even, fma(w.odd, x.odd, acc)); }

struct Exponents { __m256i bytes; };  // twice over
static inline Exponents load_exponents(const uint8_t* p) {
  return {_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
static inline __m256i unpack_words(const uint8_t* own, __m256i exponents) {  // each shifted to its place, beside others' bits
  const __m256i place = _mm256_set1_epi16(0x7f80);
  const __m256i sign_and_mantissa = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(own)));
  return _mm256_or_si256(_mm256_and_si256(place, exponents), _mm256_andnot_si256(place, sign_and_mantissa));
}
// Calls use(v, words) with half of each vector's weights: of a word of codes, its first and third are looked up together.
template <class Use>
static inline void unpack_half(const uint8_t* step, int half, const Exponents& exponents, Use use) {
  const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(step + 128) + half), code = _mm256_set1_epi8(15);
  const __m256i even = _mm256_shuffle_epi8(exponents.bytes, _mm256_and_si256(codes, code));
  const __m256i odd = _mm256_shuffle_epi8(exponents.bytes, _mm256_and_si256(_mm256_srli_epi16(codes, 4), code));
  step += 16 * half;
  use(0, unpack_words(step, _mm256_slli_epi16(even, 7)));
  use(1, unpack_words(step + 32, _mm256_slli_epi16(odd, 7)));
  use(2, unpack_words(step + 64, _mm256_srli_epi16(even, 1)));
  use(3, unpack_words(step + 96, _mm256_srli_epi16(odd, 1)));
}
static inline void unpack_step(const uint8_t* step, const Exponents& exponents, uint16_t* to) {
  for (int half = 0; half < 2; ++half)
    unpack_half(step, half, exponents, [&](int v, __m256i words) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32 * v + 16 * half), words); });
}

static inline Pairs unpack_pairs(const uint8_t* step, int v, const Exponents& exponents) {  // vector v of a step, of four
  __m256i words[2];
  for (int half = 0; half < 2; ++half) {
    const __m256i codes = _mm256_srli_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(step + 128) + half), 4 * v);
    const __m256i found = _mm256_shuffle_epi8(exponents.bytes, _mm256_and_si256(codes, _mm256_set1_epi16(15)));
    words[half] = unpack_words(step + 32 * v + 16 * half, _mm256_slli_epi16(found, 7));
  }
  return split(words[0], words[1]);
}

}  // namespace
