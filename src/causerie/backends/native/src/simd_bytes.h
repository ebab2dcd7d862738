// Sixteen integer lanes of 32 bits, and 64 bytes as sixteen groups of four: what int8 and int4 weights are multiplied with.
// Sums of products are exact, so that every instruction set gives the same.
//
// A lane may hold two numbers of 16 bits: dot2(acc, a, b) adds both products, of signed ones; upper(a) moves a number to the
// upper half; signed_low(a) makes of a lower one u that is 0 … 65535 the signed one u - 32768.
//
// look_up_bytes gives of a table of 16 bytes those that bytes 0 … 15 name; power_of_two(a) is 2^(a - 127).
//
// merge_bits<LEFT, MASK>(a, b) is a | (b << LEFT & MASK) in each byte, where LEFT may be below 0.
//
// dot4(acc, w, x) adds to each lane four products of a weight (0 … 255) and an activation (-127 … 127); dot4_biased the
// same for weights held as q + 128, giving Σ (q + BIAS) · x: where the machine has no product of unsigned and signed bytes
// that cannot overflow, it multiplies q itself and BIAS is 0.
#pragma once
#include "simd.h"

#if defined(__ARM_FEATURE_DOTPROD)
#include "simd_bytes_neon.h"
#else

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

#if defined(__AVX512VNNI__)

constexpr int BIAS = 128;

struct i32x16 { __m512i v; };
struct Bytes { __m512i v; };

static inline i32x16 broadcast_int(int32_t a) { return {_mm512_set1_epi32(a)}; }
static inline i32x16 add(i32x16 a, i32x16 b) { return {_mm512_add_epi32(a.v, b.v)}; }
static inline i32x16 sub(i32x16 a, i32x16 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
static inline i32x16 upper(i32x16 a) { return {_mm512_slli_epi32(a.v, 16)}; }
static inline i32x16 mul_low(i32x16 a, i32x16 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
static inline i32x16 signed_low(i32x16 a) { return {_mm512_xor_si512(a.v, _mm512_set1_epi32(0x8000))}; }
static inline i32x16 dot2(i32x16 acc, i32x16 a, i32x16 b) {
  asm("vpdpwssd %2, %1, %0" : "+v"(acc.v) : "v"(a.v), "v"(b.v));
  return acc;
}
static inline i32x16 load_int(const int32_t* p) { return {_mm512_load_si512(p)}; }
static inline void store_int(int32_t* p, i32x16 a) { _mm512_store_si512(p, a.v); }
static inline f32x16 to_float(i32x16 a) { return {_mm512_cvtepi32_ps(a.v)}; }
static inline i32x16 to_int(f32x16 a) { return {_mm512_cvtps_epi32(a.v)}; }  // to the nearest, ties to even
static inline i32x16 magnitude_bits(f32x16 a) { return {_mm512_and_si512(_mm512_castps_si512(a.v), _mm512_set1_epi32(0x7fffffff))}; }
static inline i32x16 max(i32x16 a, i32x16 b) { return {_mm512_max_epi32(a.v, b.v)}; }
static inline int32_t largest(i32x16 a) { return _mm512_reduce_max_epi32(a.v); }
static inline int32_t sum(i32x16 a) { return _mm512_reduce_add_epi32(a.v); }
#define CAUSERIE_FOUR_SUMS  // sum(a[0]) … sum(a[3]) together, in half the operations
static inline void four_sums(const i32x16* a, int32_t* to) {
  const auto halves = [](__m512i x, __m512i y) { return _mm512_add_epi32(_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y)); };
  const __m512i first = halves(a[0].v, a[1].v), second = halves(a[2].v, a[3].v);
  const __m512i each = _mm512_add_epi32(_mm512_unpacklo_epi64(first, second), _mm512_unpackhi_epi64(first, second));
  const __m256i eight = _mm256_add_epi32(_mm512_castsi512_si256(each), _mm512_extracti64x4_epi64(each, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1)));
}
static inline i32x16 load_u8(const uint8_t* p) { return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))}; }
static inline i32x16 load_i8(const int8_t* p) { return {_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))}; }
static inline void store_i8(int8_t* p, i32x16 a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v)); }
static inline Bytes load_bytes(const void* p) { return {_mm512_loadu_si512(p)}; }
static inline Bytes broadcast_four(const int8_t* p) {
  int four;
  __builtin_memcpy(&four, p, 4);
  return {_mm512_set1_epi32(four)};
}
static inline i32x16 dot4(i32x16 acc, Bytes w, Bytes x) {  // not the intrinsic: GCC 12 copies its accumulators about
  asm("vpdpbusd %2, %1, %0" : "+v"(acc.v) : "v"(w.v), "v"(x.v));
  return acc;
}
static inline i32x16 dot4_biased(i32x16 acc, Bytes w, Bytes x) { return dot4(acc, w, x); }
static inline void store_bytes(void* p, Bytes a) { _mm512_storeu_si512(p, a.v); }
static inline Bytes low_nibbles(Bytes a) { return {_mm512_and_si512(a.v, _mm512_set1_epi8(15))}; }
static inline Bytes high_nibbles(Bytes a) { return low_nibbles({_mm512_srli_epi32(a.v, 4)}); }
template <int LEFT, int MASK>
static inline Bytes merge_bits(Bytes a, Bytes b) {
  const __m512i moved = LEFT < 0 ? _mm512_srli_epi32(b.v, -LEFT & 31) : _mm512_slli_epi32(b.v, LEFT & 31);
  return {_mm512_ternarylogic_epi32(a.v, moved, _mm512_set1_epi8(char(MASK)), 0xf8)};
}
using ByteTable = Bytes;
static inline ByteTable load_byte_table(const uint8_t* p) {
  return {_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
static inline Bytes look_up_bytes(ByteTable table, Bytes at) { return {_mm512_shuffle_epi8(table.v, at.v)}; }
static inline f32x16 power_of_two(i32x16 a) { return {_mm512_castsi512_ps(_mm512_slli_epi32(a.v, 23))}; }

// Sixteen float32 values that are looked up by the low four bits of a lane.
struct Table { __m512 v; };
static inline Table load_table(const float* p) { return {_mm512_loadu_ps(p)}; }
static inline f32x16 look_up(const Table& table, i32x16 at) { return {_mm512_permutexvar_ps(at.v, table.v)}; }
static inline i32x16 high_codes(i32x16 a) { return {_mm512_srli_epi32(a.v, 4)}; }

#elif defined(__AVX2__) && !defined(__AVX512F__)

#if defined(__AVXVNNI__)
constexpr int BIAS = 128;
#else
constexpr int BIAS = 0;
#endif

struct i32x16 { __m256i low, high; };
struct Bytes { __m256i low, high; };

#define CAUSERIE_INT(name, intrinsic) \
  static inline i32x16 name(i32x16 a, i32x16 b) { return {intrinsic(a.low, b.low), intrinsic(a.high, b.high)}; }
CAUSERIE_INT(add, _mm256_add_epi32)
CAUSERIE_INT(sub, _mm256_sub_epi32)
CAUSERIE_INT(max, _mm256_max_epi32)
CAUSERIE_INT(mul_low, _mm256_mullo_epi32)
#undef CAUSERIE_INT
static inline i32x16 broadcast_int(int32_t a) { return {_mm256_set1_epi32(a), _mm256_set1_epi32(a)}; }
static inline i32x16 upper(i32x16 a) { return {_mm256_slli_epi32(a.low, 16), _mm256_slli_epi32(a.high, 16)}; }
static inline i32x16 signed_low(i32x16 a) {
  const __m256i flip = _mm256_set1_epi32(0x8000);
  return {_mm256_xor_si256(a.low, flip), _mm256_xor_si256(a.high, flip)};
}
static inline i32x16 dot2(i32x16 acc, i32x16 a, i32x16 b) {
  return {_mm256_add_epi32(acc.low, _mm256_madd_epi16(a.low, b.low)), _mm256_add_epi32(acc.high, _mm256_madd_epi16(a.high, b.high))};
}
static inline i32x16 load_int(const int32_t* p) {
  return {_mm256_load_si256(reinterpret_cast<const __m256i*>(p)), _mm256_load_si256(reinterpret_cast<const __m256i*>(p) + 1)};
}
static inline void store_int(int32_t* p, i32x16 a) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(p), a.low);
  _mm256_store_si256(reinterpret_cast<__m256i*>(p) + 1, a.high);
}
static inline f32x16 to_float(i32x16 a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }
static inline i32x16 to_int(f32x16 a) { return {_mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high)}; }
static inline i32x16 magnitude_bits(f32x16 a) {
  const __m256i rest = _mm256_set1_epi32(0x7fffffff);
  return {_mm256_and_si256(_mm256_castps_si256(a.low), rest), _mm256_and_si256(_mm256_castps_si256(a.high), rest)};
}
#define CAUSERIE_REDUCE(name, wide, narrow)                                                     \
  static inline int32_t name(i32x16 a) {                                                        \
    const __m256i eight = wide(a.low, a.high);                                                  \
    __m128i four = narrow(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));   \
    four = narrow(four, _mm_shuffle_epi32(four, 0x4e));                                         \
    return _mm_cvtsi128_si32(narrow(four, _mm_shuffle_epi32(four, 0xb1)));                      \
  }
CAUSERIE_REDUCE(largest, _mm256_max_epi32, _mm_max_epi32)
CAUSERIE_REDUCE(sum, _mm256_add_epi32, _mm_add_epi32)
#undef CAUSERIE_REDUCE
static inline i32x16 load_u8(const uint8_t* p) {
  const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepu8_epi32(raw), _mm256_cvtepu8_epi32(_mm_srli_si128(raw, 8))};
}
static inline i32x16 load_i8(const int8_t* p) {
  const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi8_epi32(raw), _mm256_cvtepi8_epi32(_mm_srli_si128(raw, 8))};
}
static inline void store_i8(int8_t* p, i32x16 a) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a.low, a.high), 0xd8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
static inline Bytes load_bytes(const void* p) {
  const __m256i* both = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(both), _mm256_loadu_si256(both + 1)};
}
static inline Bytes broadcast_four(const int8_t* p) {
  int four;
  __builtin_memcpy(&four, p, 4);
  return {_mm256_set1_epi32(four), _mm256_set1_epi32(four)};
}
#if defined(__AVXVNNI__)  // not intrinsics: GCC copies sums about, or adds several products up first and has no registers left
static inline __m256i dot_of8(__m256i acc, __m256i w, __m256i x) { asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(w), "x"(x)); return acc; }
static inline __m256i dot_biased_of8(__m256i acc, __m256i w, __m256i x) { return dot_of8(acc, w, x); }
#else
// Pairs of products are summed in 16 bits, which saturate: 2 · 15 · 127 and 2 · 127 · 127 fit, 2 · 255 · 127 would not.
static inline __m256i dot_of8(__m256i acc, __m256i w, __m256i x) {
  __m256i pairs; asm("vpmaddubsw %3, %2, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0" : "+x"(acc), "=&x"(pairs) : "x"(w), "x"(x), "xm"(_mm256_set1_epi16(1)));
  return acc; }
static inline __m256i dot_biased_of8(__m256i acc, __m256i w, __m256i x) {
  const __m256i q = _mm256_xor_si256(w, _mm256_set1_epi8(char(0x80)));
  return dot_of8(acc, _mm256_abs_epi8(q), _mm256_sign_epi8(x, q));
}
#endif
static inline __m256i low_of8(__m256i a) { return _mm256_and_si256(a, _mm256_set1_epi8(15)); }
static inline __m256i high_of8(__m256i a) { return low_of8(_mm256_srli_epi32(a, 4)); }
static inline i32x16 dot4(i32x16 acc, Bytes w, Bytes x) { return {dot_of8(acc.low, w.low, x.low), dot_of8(acc.high, w.high, x.high)}; }
static inline i32x16 dot4_biased(i32x16 acc, Bytes w, Bytes x) {
  return {dot_biased_of8(acc.low, w.low, x.low), dot_biased_of8(acc.high, w.high, x.high)};
}
static inline void store_bytes(void* p, Bytes a) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), a.low);
  _mm256_storeu_si256(static_cast<__m256i*>(p) + 1, a.high);
}
static inline Bytes low_nibbles(Bytes a) { return {low_of8(a.low), low_of8(a.high)}; }
static inline Bytes high_nibbles(Bytes a) { return {high_of8(a.low), high_of8(a.high)}; }
template <int LEFT, int MASK>
static inline __m256i merge_of8(__m256i a, __m256i b) {
  const __m256i moved = LEFT < 0 ? _mm256_srli_epi32(b, -LEFT & 31) : _mm256_slli_epi32(b, LEFT & 31);
  return _mm256_or_si256(a, _mm256_and_si256(moved, _mm256_set1_epi8(char(MASK))));
}
template <int LEFT, int MASK>
static inline Bytes merge_bits(Bytes a, Bytes b) { return {merge_of8<LEFT, MASK>(a.low, b.low), merge_of8<LEFT, MASK>(a.high, b.high)}; }
struct ByteTable { __m256i twice; };
static inline ByteTable load_byte_table(const uint8_t* p) {
  return {_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
static inline Bytes look_up_bytes(ByteTable table, Bytes at) {
  return {_mm256_shuffle_epi8(table.twice, at.low), _mm256_shuffle_epi8(table.twice, at.high)};
}
static inline f32x16 power_of_two(i32x16 a) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(a.low, 23)), _mm256_castsi256_ps(_mm256_slli_epi32(a.high, 23))};
}

struct Table { __m256 low, high; };  // entries 0 … 7 and 8 … 15
static inline Table load_table(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline __m256 look_up8(const Table& table, __m256i at) {
  const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(at, 28));  // the sign says which half
  return _mm256_blendv_ps(_mm256_permutevar8x32_ps(table.low, at), _mm256_permutevar8x32_ps(table.high, at), upper);
}
static inline f32x16 look_up(const Table& table, i32x16 at) { return {look_up8(table, at.low), look_up8(table, at.high)}; }
static inline i32x16 high_codes(i32x16 a) { return {_mm256_srli_epi32(a.low, 4), _mm256_srli_epi32(a.high, 4)}; }

#else  // in plain C++

constexpr int BIAS = 0;

struct i32x16 { int32_t lane[16]; };
struct Bytes { uint8_t lane[64]; };

#define CAUSERIE_LANES(expression) \
  i32x16 result;                   \
  for (int i = 0; i < 16; ++i) result.lane[i] = (expression); \
  return result

static inline i32x16 broadcast_int(int32_t a) { CAUSERIE_LANES(a); }
static inline i32x16 add(i32x16 a, i32x16 b) { CAUSERIE_LANES(a.lane[i] + b.lane[i]); }
static inline i32x16 sub(i32x16 a, i32x16 b) { CAUSERIE_LANES(a.lane[i] - b.lane[i]); }
static inline i32x16 upper(i32x16 a) { CAUSERIE_LANES(int32_t(uint32_t(a.lane[i]) << 16)); }
static inline i32x16 mul_low(i32x16 a, i32x16 b) { CAUSERIE_LANES(int32_t(uint32_t(a.lane[i]) * uint32_t(b.lane[i]))); }
static inline i32x16 signed_low(i32x16 a) { CAUSERIE_LANES(a.lane[i] ^ 0x8000); }
static inline i32x16 dot2(i32x16 acc, i32x16 a, i32x16 b) {
  CAUSERIE_LANES(acc.lane[i] + int16_t(a.lane[i]) * int16_t(b.lane[i]) + (a.lane[i] >> 16) * (b.lane[i] >> 16));
}
static inline i32x16 load_int(const int32_t* p) { CAUSERIE_LANES(p[i]); }
static inline void store_int(int32_t* p, i32x16 a) { __builtin_memcpy(p, a.lane, sizeof a.lane); }
static inline i32x16 max(i32x16 a, i32x16 b) { CAUSERIE_LANES(a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]); }
static inline i32x16 load_u8(const uint8_t* p) { CAUSERIE_LANES(p[i]); }
static inline i32x16 load_i8(const int8_t* p) { CAUSERIE_LANES(p[i]); }
static inline i32x16 high_codes(i32x16 a) { CAUSERIE_LANES(a.lane[i] >> 4); }
static inline void store_i8(int8_t* p, i32x16 a) { for (int i = 0; i < 16; ++i) p[i] = int8_t(a.lane[i]); }
static inline f32x16 to_float(i32x16 a) {
  alignas(64) float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = float(a.lane[i]);
  return load(lanes);
}
static inline i32x16 to_int(f32x16 a) {  // of |a| < 2^22: the sum with 1.5 · 2^23 is rounded to an integer
  alignas(64) float lanes[16];
  store(lanes, add(a, broadcast(12582912.0f)));
  CAUSERIE_LANES(int32_t(bits_of(lanes[i])) - 0x4b400000);
}
static inline i32x16 magnitude_bits(f32x16 a) {
  alignas(64) float lanes[16];
  store(lanes, a);
  CAUSERIE_LANES(int32_t(bits_of(lanes[i]) & 0x7fffffffu));
}
static inline int32_t largest(i32x16 a) {
  int32_t found = a.lane[0];
  for (int i = 1; i < 16; ++i) found = a.lane[i] > found ? a.lane[i] : found;
  return found;
}
static inline int32_t sum(i32x16 a) {
  int32_t all = 0;
  for (int i = 0; i < 16; ++i) all += a.lane[i];
  return all;
}
static inline Bytes load_bytes(const void* p) {
  Bytes bytes;
  __builtin_memcpy(bytes.lane, p, 64);
  return bytes;
}
static inline Bytes broadcast_four(const int8_t* p) {
  Bytes bytes;
  for (int i = 0; i < 64; i += 4) __builtin_memcpy(bytes.lane + i, p, 4);
  return bytes;
}
static inline i32x16 dot4(i32x16 acc, const Bytes& w, const Bytes& x) {
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 4; ++j) acc.lane[i] += w.lane[4 * i + j] * int8_t(x.lane[4 * i + j]);
  return acc;
}
static inline i32x16 dot4_biased(i32x16 acc, const Bytes& w, const Bytes& x) {
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 4; ++j) acc.lane[i] += (w.lane[4 * i + j] - 128) * int8_t(x.lane[4 * i + j]);
  return acc;
}
static inline Bytes low_nibbles(Bytes a) {
  for (uint8_t& byte : a.lane) byte &= 15;
  return a;
}
static inline Bytes high_nibbles(Bytes a) {
  for (uint8_t& byte : a.lane) byte >>= 4;
  return a;
}
static inline void store_bytes(void* p, const Bytes& a) { __builtin_memcpy(p, a.lane, 64); }
template <int LEFT, int MASK>
static inline Bytes merge_bits(Bytes a, const Bytes& b) {
  for (int i = 0; i < 64; ++i) a.lane[i] |= (LEFT < 0 ? b.lane[i] >> (-LEFT & 7) : b.lane[i] << (LEFT & 7)) & MASK;
  return a;
}
using ByteTable = const uint8_t*;
static inline ByteTable load_byte_table(const uint8_t* p) { return p; }
static inline Bytes look_up_bytes(ByteTable table, Bytes at) {
  for (uint8_t& byte : at.lane) byte = table[byte];
  return at;
}
static inline f32x16 power_of_two(i32x16 a) {
  alignas(64) float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = float_of(uint32_t(a.lane[i]) << 23);
  return load(lanes);
}

struct Table { float entry[16]; };
static inline Table load_table(const float* p) {
  Table table;
  __builtin_memcpy(table.entry, p, sizeof table.entry);
  return table;
}
static inline f32x16 look_up(const Table& table, const i32x16& at) {
  alignas(64) float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = table.entry[at.lane[i] & 15];
  return load(lanes);
}

#undef CAUSERIE_LANES
#endif

}  // namespace
#endif
