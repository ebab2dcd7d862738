// The sixteen lanes as one register of AVX-512, with vdpbf16ps where the machine has it. Meanings: simd_portable.h.
#pragma once
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12's own intrinsics draw both (its bug 105593)
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int VECTORS = 4;
constexpr int TOKENS = 6;  // of 32 registers, 24 hold a tile of 64 rows and 6 tokens
#if defined(__AVX512BF16__)
constexpr int PAIR_TOKENS = 6;
#else
constexpr int PAIR_TOKENS = 4;  // 16, when the weights take 8 and the input 2
#endif

struct f32x16 { __m512 v; };

static inline f32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
static inline void store(float* p, f32x16 a) { _mm512_storeu_ps(p, a.v); }
static inline f32x16 broadcast(float a) { return {_mm512_set1_ps(a)}; }
static inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
static inline f32x16 add(f32x16 a, f32x16 b) { return {_mm512_add_ps(a.v, b.v)}; }
static inline f32x16 sub(f32x16 a, f32x16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
static inline f32x16 mul(f32x16 a, f32x16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
static inline f32x16 div(f32x16 a, f32x16 b) { return {_mm512_div_ps(a.v, b.v)}; }
static inline f32x16 max(f32x16 a, f32x16 b) { return {_mm512_max_ps(a.v, b.v)}; }
static inline f32x16 min(f32x16 a, f32x16 b) { return {_mm512_min_ps(a.v, b.v)}; }
static inline f32x16 abs(f32x16 a) { return {_mm512_abs_ps(a.v)}; }
static inline f32x16 with_sign(f32x16 a, f32x16 s) {
  const __m512 sign = _mm512_set1_ps(-0.0f);
  return {_mm512_or_ps(_mm512_andnot_ps(sign, a.v), _mm512_and_ps(sign, s.v))};
}
static inline f32x16 where_above(f32x16 x, f32x16 limit, f32x16 a, f32x16 b) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x.v, limit.v, _CMP_GT_OQ), b.v, a.v)};
}
static inline f32x16 keep(f32x16 a, int low, int high, f32x16 other) {
  const unsigned below_high = high <= 0 ? 0 : high >= 16 ? 0xffffu : (1u << high) - 1;
  const unsigned below_low = low <= 0 ? 0 : low >= 16 ? 0xffffu : (1u << low) - 1;
  return {_mm512_mask_blend_ps(__mmask16(below_high & ~below_low), other.v, a.v)};
}
static inline f32x16 scale_by_power(f32x16 a, f32x16 t) {
  return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a.v), _mm512_slli_epi32(_mm512_castps_si512(t.v), 23)))};
}
static inline f32x16 load_bf16(const uint16_t* p) {
  const __m256i raw = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(raw), 16))};
}
static inline f32x16 load_f16(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
// Of bytes 16 v … 16 v + 15 of E4M3: as float16 their bits stand for 2^-8 of their values; all ones are no number. Two
// neighbours share the work.
static inline f32x16 load_e4m3(const uint8_t* p, int v) {
  const __m512i words = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p) + v / 2));
  const __m512i place = _mm512_set1_epi16(0x3f80), size = _mm512_and_si512(_mm512_slli_epi16(words, 7), place);
  const __m512i half = _mm512_ternarylogic_epi32(size, words, _mm512_set1_epi16(int16_t(0x8000)), 0xf8);
  const __m512i both = _mm512_mask_mov_epi16(half, _mm512_cmpeq_epi16_mask(size, place), _mm512_set1_epi16(0x7e00));
  return {_mm512_cvtph_ps(v % 2 ? _mm512_extracti64x4_epi64(both, 1) : _mm512_castsi512_si256(both))};
}
static inline void store_bf16(uint16_t* p, f32x16 a) {  // by the bits, as to_bf16 does: vcvtneps2bf16 is not everywhere
  const __m512i bits = _mm512_castps_si512(a.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  const __m512i chosen = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), rounded, quiet);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32(chosen, 16)));
}

// The tree of simd_portable.h: lanes + 8, + 4, + 2, + 1.
#define CAUSERIE_TREE(name, wide, narrow)                                                           \
  static inline float name(f32x16 a) {                                                              \
    const __m256 eight = wide(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));         \
    const __m128 four = narrow(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));     \
    const __m128 two = narrow(four, _mm_movehl_ps(four, four));                                     \
    return _mm_cvtss_f32(narrow(two, _mm_shuffle_ps(two, two, 1)));                                 \
  }
CAUSERIE_TREE(sum, _mm256_add_ps, _mm_add_ps)
CAUSERIE_TREE(largest, _mm256_max_ps, _mm_max_ps)
#undef CAUSERIE_TREE

#if defined(__AVX512BF16__)
struct Pairs { __m512i raw; };
static inline Pairs load_pairs(const uint16_t* p) { return {_mm512_loadu_si512(p)}; }
static inline Pairs broadcast_pair(const uint16_t* p) {
  return {_mm512_set1_epi32(int(p[0] | uint32_t(p[1]) << 16))};
}
static inline f32x16 dot2(f32x16 acc, const Pairs& w, const Pairs& x) {
  return {_mm512_dpbf16_ps(acc.v, reinterpret_cast<__m512bh>(w.raw), reinterpret_cast<__m512bh>(x.raw))};
}

// 2^-8 of what 32 bytes of E4M3 stand for, as bfloat16: exponents move to their place, but those of magnitudes below the least
// normal one and of what is no number, which are looked up. These two kinds are neighbours when one is added to a magnitude.
alignas(64) static const uint16_t SMALLEST[32] = {0, 0x3700, 0x3780, 0x37c0, 0x3800, 0x3820, 0x3840, 0x3860, 0, 0, 0, 0, 0, 0, 0, 0,
                                                  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7fc0};
static inline __m512i small_words(const uint8_t* p) {
  const __m512i words = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), top = _mm512_slli_epi16(words, 9);
  const __mmask32 other = _mm512_cmple_epu16_mask(_mm512_add_epi16(top, _mm512_set1_epi16(1 << 9)), _mm512_set1_epi16(8 << 9));
  const __m512i normal = _mm512_add_epi16(_mm512_srli_epi16(top, 5), _mm512_set1_epi16(112 << 7));
  const __m512i size = _mm512_mask_permutexvar_epi16(normal, other, words, _mm512_load_si512(SMALLEST));
  return _mm512_ternarylogic_epi32(size, words, _mm512_set1_epi16(int16_t(0x8000)), 0xf8);  // first | second & third
}
// Vectors `first` and the next of a panel's rows, of two inputs that follow each other.
static inline void load_small_pairs(const uint8_t* even, const uint8_t* odd, int first, Pairs (&to)[2]) {
  const __m512i a = small_words(even + 16 * first), b = small_words(odd + 16 * first);
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  to[0] = {_mm512_permutex2var_epi16(a, low, b)};
  to[1] = {_mm512_permutex2var_epi16(a, _mm512_add_epi16(low, _mm512_set1_epi16(16)), b)};
}
#else
struct Pairs { f32x16 even, odd; };
static inline Pairs split(__m512i raw) {
  return {{_mm512_castsi512_ps(_mm512_slli_epi32(raw, 16))},
          {_mm512_castsi512_ps(_mm512_and_si512(raw, _mm512_set1_epi32(int(0xffff0000u))))}};
}
static inline Pairs load_pairs(const uint16_t* p) { return split(_mm512_loadu_si512(p)); }
static inline Pairs broadcast_pair(const uint16_t* p) {
  int pair;
  __builtin_memcpy(&pair, p, 4);
  return split(_mm512_set1_epi32(pair));
}
static inline f32x16 dot2(f32x16 acc, const Pairs& w, const Pairs& x) { return fma(w.even, x.even, fma(w.odd, x.odd, acc)); }
#endif

// Sixteen exponents in place, twice over, so that a shuffle by words may leave what is above their code.
struct Exponents { __m512i words; };
static inline Exponents load_exponents(const uint8_t* p) {
  const __m256i once = _mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 7);
  return {_mm512_inserti64x4(_mm512_castsi256_si512(once), once, 1)};
}
static inline __m512i unpack_words(const uint8_t* own, __m512i codes, const Exponents& exponents) {
  const __m512i sign_and_mantissa = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(own)));
  const __m512i exponent = _mm512_permutexvar_epi16(codes, exponents.words);
  return _mm512_ternarylogic_epi32(_mm512_set1_epi16(0x7f80), exponent, sign_and_mantissa, 0xca);  // by bits: first ? second : third
}
static inline void unpack_step(const uint8_t* step, const Exponents& exponents, uint16_t* to) {
  const __m512i codes = _mm512_loadu_si512(step + 128);
  _mm512_storeu_si512(to, unpack_words(step, codes, exponents));
  _mm512_storeu_si512(to + 32, unpack_words(step + 32, _mm512_srli_epi16(codes, 4), exponents));
  _mm512_storeu_si512(to + 64, unpack_words(step + 64, _mm512_srli_epi16(codes, 8), exponents));
  _mm512_storeu_si512(to + 96, unpack_words(step + 96, _mm512_srli_epi16(codes, 12), exponents));
}

// Vector v of a step, of four.
static inline Pairs unpack_pairs(const uint8_t* step, int v, const Exponents& exponents) {
  const __m512i codes = _mm512_srli_epi16(_mm512_loadu_si512(step + 128), unsigned(4 * v));
#if defined(__AVX512BF16__)
  return {unpack_words(step + 32 * v, codes, exponents)};
#else
  return split(unpack_words(step + 32 * v, codes, exponents));
#endif
}

}  // namespace
