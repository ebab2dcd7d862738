// Where an operation writes its result: as it computes, or in the form that a linear reads next.
#pragma once
#include "hadamard.h"
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// Where sixteen elements of a row go, from column i on, `left` of them real: as float32, as bfloat16, or quantized, evened before
// or not.
struct Floats {
  float* row;
  inline void put(int64_t i, f32x16 value, int64_t left) { store_first(row + i, value, left); }
};
struct Brains {
  uint16_t* row;
  inline void put(int64_t i, f32x16 value, int64_t left) { store_first(row + i, value, left); }
};
struct Quantized {
  Activations codes;
  int64_t group;
  alignas(64) float held[MOST_INPUTS];
  inline void put(int64_t i, f32x16 value, int64_t) {  // widths are of whole groups
    const int64_t at = i % group;
    store(held + at, value);
    if (at + 16 == group) quantize_group(held, group, codes, i / group);
  }
};

struct Evened {
  Activations codes;
  const float* factors;
  alignas(64) float held[TURNED];
  inline void put(int64_t i, f32x16 value, int64_t) {  // widths are of whole Hadamard matrices
    const int64_t at = i % TURNED;
    store(held + at, mul(value, load(factors + i)));
    if (at + 16 < TURNED) return;
    turn_whole(held);
    quantize_group(held, TURNED, codes, i / TURNED);
  }
};

// Calls use(out) with the form of row r, `width` elements, that the instruction asks for.
template <class Use>
static inline void with_out(const Program& program, const Instruction& in, int64_t r, int64_t width, Use use) {
  switch (in.narrow) {
    case NARROW_NOT: return use(Floats{row<float>(program, in.out, r)});
    case NARROW_BFLOAT16: return use(Brains{row<uint16_t>(program, in.out, r)});
    case NARROW_EVENED:
      return use(Evened{activations_of(row<void>(program, in.out, r), width, TURNED), reinterpret_cast<const float*>(in.evening), {}});
    default: return use(Quantized{activations_of(row<void>(program, in.out, r), width, in.group), in.group, {}});
  }
}

}  // namespace
