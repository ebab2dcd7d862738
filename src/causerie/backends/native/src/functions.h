// exp, tanh, sigmoid, silu, softplus and gelu on sixteen lanes, from additions, multiplications and one division, so that every machine gives the
// same bits. Polynomials: Taylor for exp; for tanh and erf, minimax fits of our own (least squares reweighted until level).
#pragma once
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// a₀ + x·(a₁ + x·(a₂ + …))
template <int N>
static inline f32x16 polynomial(f32x16 x, const float (&a)[N]) {
  f32x16 value = broadcast(a[N - 1]);
  for (int i = N - 2; i >= 0; --i) value = fma(value, x, broadcast(a[i]));
  return value;
}

// e^x within 2 units in the last place; 0 below -87.3 (the result would be subnormal) and for -inf, clamped above 88.72.
static inline f32x16 exp(f32x16 x) {
  static const float taylor[] = {1.0f, 1.0f, 1.0f / 2, 1.0f / 6, 1.0f / 24, 1.0f / 120, 1.0f / 720, 1.0f / 5040};
  const f32x16 lowest = broadcast(-87.3f), shift = broadcast(12582912.0f);  // 1.5 · 2^23: adding it rounds to an integer
  const f32x16 inside = min(max(x, lowest), broadcast(88.72f));
  const f32x16 shifted = fma(inside, broadcast(1.44269504f), shift);
  const f32x16 n = sub(shifted, shift);
  f32x16 rest = fma(n, broadcast(-0.693359375f), inside);  // ln 2 in two parts, the first exact in 10 bits
  rest = fma(n, broadcast(2.12194440e-4f), rest);
  return where_above(x, lowest, scale_by_power(polynomial(rest, taylor), shifted), broadcast(0.0f));
}

// 2^x for x <= 0, within 3 units in the last place, exactly 1 at 0; 0 from -126 down.
static inline f32x16 exp2_below(f32x16 x) {
  static const float fit[] = {1.0f, 0.69314700f, 0.24022242f, 0.055507336f, 0.0096715130f, 0.0013264727f};
  const f32x16 lowest = broadcast(-126.0f), shift = broadcast(12582912.0f);
  const f32x16 inside = max(x, lowest), shifted = add(inside, shift), rest = sub(inside, sub(shifted, shift));
  return where_above(x, lowest, scale_by_power(polynomial(rest, fit), shifted), broadcast(0.0f));
}

// 2/√π ∫₀ˣ e^(-t²) dt: x + x·p(x²) up to 1; 1 - e^(-q(|x|)) beyond, where q = -log(1 - erf).
static inline f32x16 erf(f32x16 x) {
  static const float near[] = {0.12837916612625122f,    -0.3761262595653534f,   0.1128358542919159f,  -0.026853812858462334f,
                               0.005188329145312309f, -0.000801020534709096f, 7.853896386222914e-05f};
  static const float far[] = {-0.000188466627150774f, 1.1295802593231201f,   0.633216381072998f,      0.10842209309339523f,
                              -0.025210333988070488f, 0.004205282777547836f, -0.000441472337115556f, 2.169758954551071e-05f};
  const f32x16 one = broadcast(1.0f), zero = broadcast(0.0f);
  const f32x16 size = min(abs(x), broadcast(4.0f));  // 1 - erf(4) is below half a unit of 1
  const f32x16 tail = with_sign(sub(one, exp(sub(zero, polynomial(size, far)))), x);
  const f32x16 head = fma(x, polynomial(mul(x, x), near), x);
  return where_above(size, one, tail, head);
}

// x + x³·p(x²) up to 0.625; (1 - e^(-2|x|)) / (1 + e^(-2|x|)) beyond.
static inline f32x16 tanh(f32x16 x) {
  static const float near[] = {-0.333332819f, 0.133314422f, -0.0537397122f, 0.0206390787f, -0.00570497837f};
  const f32x16 one = broadcast(1.0f), size = abs(x), square = mul(x, x);
  const f32x16 fall = exp(mul(size, broadcast(-2.0f)));
  const f32x16 tail = with_sign(div(sub(one, fall), add(one, fall)), x);
  const f32x16 head = fma(mul(x, square), polynomial(square, near), x);
  return where_above(size, broadcast(0.625f), tail, head);
}

static inline f32x16 sigmoid(f32x16 x) { return div(broadcast(1.0f), add(broadcast(1.0f), exp(sub(broadcast(0.0f), x)))); }

static inline f32x16 logistic_product(f32x16 x, f32x16 slope) {  // x / (1 + e^(-slope))
  return div(x, add(broadcast(1.0f), exp(sub(broadcast(0.0f), slope))));
}

static inline f32x16 silu(f32x16 x) { return logistic_product(x, x); }

// log(1 + e^x) = max(x, 0) + log(1 + t), t = e^-|x|; log(1 + t) = 2 artanh(t / (2 + t)), whose series ends where s² <= 1/9.
static inline f32x16 softplus(f32x16 x) {
  static const float series[] = {1.0f, 1.0f / 3, 1.0f / 5, 1.0f / 7, 1.0f / 9, 1.0f / 11, 1.0f / 13, 1.0f / 15, 1.0f / 17};
  const f32x16 zero = broadcast(0.0f), t = exp(sub(zero, abs(x)));
  const f32x16 s = div(t, add(broadcast(2.0f), t));
  return fma(add(s, s), polynomial(mul(s, s), series), max(zero, x));
}

static inline f32x16 gelu(f32x16 x) {  // x/2 · (1 + erf(x/√2))
  const f32x16 half = mul(x, broadcast(0.5f));
  return fma(half, erf(mul(x, broadcast(0.70710678f))), half);
}

static inline f32x16 relu(f32x16 x) { return where_above(x, broadcast(0.0f), x, broadcast(0.0f)); }

static inline f32x16 relu2(f32x16 x) { return mul(relu(x), relu(x)); }

// x/2 · (1 + tanh u) = x / (1 + e^(-2u)), u = √(2/π)·(x + 0.044715·x³)
static inline f32x16 gelu_tanh(f32x16 x) {
  const f32x16 cube = mul(mul(x, x), mul(x, broadcast(0.044715f)));
  return logistic_product(x, mul(add(x, cube), broadcast(1.5957691f)));
}

}  // namespace
