// What the kernels of a linear share: a stretch of work, and a tile of it.
#pragma once
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t AHEAD = 8192;  // bytes that a stream from memory is fetched ahead

constexpr int WHOLE = 4;  // vectors of a panel's rows

// One panel of one part for tokens first .. last; of codes, where `splits` says so, `vectors` of its four from `vector` on.
struct Stretch {
  const Program& program;
  const Instruction& in;
  const Part& part;
  int64_t panel, first, last;
  int vector = 0, vectors = WHOLE;

  // How many of the panel's rows exist, 1 .. 64.
  int64_t rows() const { return part.rows - panel * PANEL < PANEL ? part.rows - panel * PANEL : PANEL; }
  const CodePanels& panels() const { return program.panels[part.panels]; }
  const float* bias() const { return part.bias ? reinterpret_cast<const float*>(part.bias) + panel * PANEL : nullptr; }
  template <class T>
  const T* input(int64_t token) const { return row<const T>(program, in.x, token) + part.column; }
  float* out(int64_t token) const { return row<float>(program, part.out, token) + part.out_column + panel * PANEL; }
  int64_t out_stride() const { return program.buffers[part.out].stride / int64_t(sizeof(float)); }
};

// Sixteen sums at `out`: zero at first, else as they were left there. Their line is fetched, for a store that misses holds up
// those behind it.
static inline f32x16 begin_sums(const float* out, bool first, int64_t rows) {
  __builtin_prefetch(out, 1);
  return first ? broadcast(0.0f) : load_first(out, rows);
}

// Of quantized matrices: with activations in 8 bits (kernels_integer.cpp, kernels_blocks.cpp), as they are
// (kernels_codes.cpp), or rounded to bfloat16 (kernels_small_floats.cpp).
bool splits(const CodePanels&, int64_t tokens);  // whether run_integers can do half a panel
void run_integers(const Stretch&);
void run_blocks(const Stretch&);
void run_codes(const Stretch&);
void run_small_floats(const Stretch&);

}  // namespace
