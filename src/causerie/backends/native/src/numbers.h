// Single numbers between their formats, by their bits alone: the same on every machine and in every rounding mode.
// bfloat16: the upper half of a float32. float16: IEEE 754 binary16. Narrowing rounds to nearest, ties to even.
#pragma once
#include <stdint.h>

static inline float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }
static inline uint32_t bits_of(float value) { return __builtin_bit_cast(uint32_t, value); }

static inline float from_bf16(uint16_t value) { return float_of(uint32_t(value) << 16); }

static inline uint16_t to_bf16(float value) {
  const uint32_t bits = bits_of(value);
  const uint32_t quiet = (bits & 0x7fffffffu) > 0x7f800000u ? 0x400000u : 0;  // a NaN stays one
  return uint16_t(quiet ? (bits | quiet) >> 16 : (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

static inline float from_f16(uint16_t value) {
  const uint32_t sign = uint32_t(value & 0x8000) << 16, exponent = (value >> 10) & 31, mantissa = value & 1023;
  if (exponent == 31) return float_of(sign | 0x7f800000u | mantissa << 13);
  if (exponent) return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
  if (!mantissa) return float_of(sign);
  const int shift = __builtin_clz(mantissa) - 21;  // subnormal: bring the leading one to bit 10
  return float_of(sign | uint32_t(113 - shift) << 23 | ((mantissa << shift) & 1023) << 13);
}

static inline uint16_t to_f16(float value) {
  const uint32_t bits = bits_of(value), magnitude = bits & 0x7fffffffu;
  const uint16_t sign = uint16_t((bits >> 16) & 0x8000);
  if (magnitude > 0x7f800000u) return sign | 0x7e00;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00;  // 65520 and above round to infinity
  if (magnitude >= 0x38800000u) {                      // normal
    const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1);
    return sign | uint16_t((rounded - 0x38000000u) >> 13);
  }
  const int drop = 126 - int(magnitude >> 23);  // subnormal: bits below 2^-24
  if (drop > 24) return sign;
  const uint32_t whole = (magnitude & 0x7fffffu) | 0x800000u;
  const uint32_t kept = whole >> drop, rest = whole & ((1u << drop) - 1), half = 1u << (drop - 1);
  return sign | uint16_t(kept + (rest > half || (rest == half && (kept & 1))));
}
