// Quantizing to codes with a scale and a zero point for each group of 32 inputs (quant/fitted.py, to the last bit): first a
// step and a zero point for every group, sixteen groups side by side, a lane for each; then codes, once the row's unit is known.
// Every product and sum is rounded by itself, as numpy does: no fma.
#include "functions.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {
namespace {

constexpr int FITTED = 32, LANES = 16;

// Of sixteen groups weights, and what errors of them cost; a vector for each place of a group.
struct Columns {
  alignas(64) float x[FITTED][LANES], costs[FITTED][LANES];
};

struct Sums {
  f32x16 total, x, xx;
};

struct Fit {
  f32x16 step, zero, error;
};

inline f32x16 whole(f32x16 a) {  // of |a| < 2^22
  const f32x16 shift = broadcast(12582912.0f);
  return sub(add(a, shift), shift);
}

inline f32x16 within(f32x16 a, float low, float high) { return min(max(a, broadcast(low)), broadcast(high)); }

// Codes for a step and a zero point, and the best step and zero point for these codes.
inline Fit improved(Columns& of, const Sums& sums, f32x16 step, f32x16 zero, float top, float most_zero) {
  const f32x16 inverse = div(broadcast(1.0f), step), none = broadcast(0.0f), two = broadcast(2.0f);
  f32x16 q = none, qq = none, qx = none;
  for (int i = 0; i < FITTED; ++i) {
    const f32x16 x = load(of.x[i]), code = whole(within(add(mul(x, inverse), zero), 0.0f, top));
    const f32x16 costly = mul(load(of.costs[i]), code);
    q = add(q, costly);
    qq = add(qq, mul(costly, code));
    qx = add(qx, mul(costly, x));
  }
  const f32x16 spread = sub(mul(sums.total, qq), mul(q, q));
  const f32x16 slope = div(sub(mul(sums.total, qx), mul(q, sums.x)), spread);
  step = where_above(spread, none, where_above(slope, none, slope, step), step);
  zero = within(div(sub(q, div(sums.x, step)), sums.total), 0.0f, most_zero);
  const f32x16 base = mul(sub(none, step), zero);
  const f32x16 curved = mul(step, sub(mul(step, qq), mul(two, qx)));
  const f32x16 based = mul(base, add(mul(sums.total, base), mul(two, sub(mul(step, q), sums.x))));
  return {step, zero, add(add(sums.xx, curved), based)};
}

Fit fitted(Columns& of, const Quantizing& what) {
  const f32x16 none = broadcast(0.0f), one = broadcast(1.0f), smallest = broadcast(what.smallest);
  f32x16 low = load(of.x[0]), high = low;
  Sums sums{none, none, none};
  for (int i = 0; i < FITTED; ++i) {
    const f32x16 x = load(of.x[i]), cost = load(of.costs[i]), costly = mul(cost, x);
    low = min(low, x);
    high = max(high, x);
    sums = {add(sums.total, cost), add(sums.x, costly), add(sums.xx, mul(costly, x))};
  }
  low = min(low, none);
  const f32x16 range = sub(max(high, none), low), size = where_above(range, smallest, range, one);
  const f32x16 top = broadcast(float(what.top));
  const f32x16 first_zero = within(div(mul(sub(none, top), low), size), 0.0f, what.most_zero);
  Fit best{none, none, broadcast(__builtin_inff())};
  for (int s = 0; s < what.share_count; ++s) {
    Fit fit{div(mul(broadcast(what.shares[s]), size), top), first_zero, none};
    for (int round = 0; round < what.rounds; ++round) fit = improved(of, sums, fit.step, fit.zero, float(what.top), what.most_zero);
    const f32x16 gain = sub(best.error, fit.error);  // infinite at first
    best = {where_above(gain, none, fit.step, best.step), where_above(gain, none, fit.zero, best.zero), min(fit.error, best.error)};
  }
  return {where_above(range, smallest, best.step, none), where_above(range, smallest, best.zero, none), best.error};
}

// The bits of the least bfloat16 of which 255 reach the largest step.
inline uint16_t unit_bits(const float* step, int64_t groups) {
  float largest = 0.0f;
  for (int64_t g = 0; g < groups; ++g) largest = step[g] > largest ? step[g] : largest;
  return uint16_t((bits_of(largest / 255.0f) + 0xffffu) >> 16);
}

inline float clipped(float a, float low, float high) { return a < low ? low : a > high ? high : a; }

void quantize_row(const Quantizing& what, int64_t r) {
  const int64_t groups = what.width / FITTED;
  const float *step = what.steps + r * groups, *zero = what.zeros + r * groups;
  const uint16_t bits = what.unit[r] = unit_bits(step, groups);
  const float unit = from_bf16(bits);
  for (int64_t g = 0; g < groups; ++g) {
    const bool full = step[g] > 0.0f;
    const float scale = full ? clipped(__builtin_rintf(step[g] / unit), 1.0f, 255.0f) : 0.0f;
    const float counted = full ? clipped(__builtin_rintf(zero[g] * float(what.parts)), 0.0f, 255.0f) : 0.0f;
    what.scale[r * groups + g] = uint8_t(scale);
    what.zero[r * groups + g] = uint8_t(counted);
    const f32x16 inverse = broadcast(full ? 1.0f / (unit * scale) : 0.0f), shift = broadcast(counted / float(what.parts));
    const float* x = what.rows + r * what.width + g * FITTED;
    uint8_t* codes = what.codes + r * what.width + g * FITTED;
    alignas(64) float code[LANES];
    for (int i = 0; i < FITTED; i += LANES) {
      store(code, whole(within(add(mul(load(x + i), inverse), shift), 0.0f, float(what.top))));
      for (int j = 0; j < LANES; ++j) codes[i + j] = uint8_t(code[j]);
    }
  }
}

}  // namespace

void fit(const Quantizing& what) {
  const int64_t in_row = what.width / FITTED, groups = what.count * in_row;
  Columns columns;
  for (int64_t first = 0; first < groups; first += LANES) {
    const int64_t lanes = groups - first < LANES ? groups - first : LANES;
    for (int64_t lane = 0; lane < LANES; ++lane) {
      const int64_t group = first + (lane < lanes ? lane : 0);
      const float *x = what.rows + group * FITTED, *costs = what.costs + group % in_row * FITTED;
      for (int i = 0; i < FITTED; ++i) columns.x[i][lane] = x[i], columns.costs[i][lane] = costs[i];
    }
    const Fit best = fitted(columns, what);
    store_first(what.steps + first, best.step, lanes);
    store_first(what.zeros + first, best.zero, lanes);
  }
  for (int64_t r = 0; r < what.count; ++r) quantize_row(what, r);
}

}  // namespace
