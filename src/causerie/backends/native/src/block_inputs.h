// Activations in 8 bits of a few tokens, as sums over blocks of weights read them (block_sums.h): made ready once for all rows of a
// panel, so that a few registers find everything.
#pragma once
#include "linear.h"
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t CUT = 1024;        // inputs that are gone through before the next cut
constexpr int64_t LEAST_BLOCK = HALF;  // inputs of a block of weights, at least
constexpr int64_t LEAST_GROUP = 32;  // activations that share a scale, at least

// What all blocks of a matrix have in common.
struct BlockShape {
  int64_t group, blocks, inputs;  // activations that share a scale, blocks of them, and inputs of a block
  int32_t center, parts;
  bool whole_zeros;               // whether what is added is a whole number times the sum of activations

  explicit BlockShape(const CodePanels& panels)
      : group(panels.input_group), blocks(panels.input_group / panels.group), inputs(panels.group), center(panels.center),
        parts(panels.zero == ZERO_PARTS ? panels.parts : 1), whole_zeros(panels.zero == ZERO_PARTS || panels.zero == ZERO_BYTE) {}
};

// T rows that lie a stride apart: of any of them, and of the fourth.
struct CodeRows {
  const int8_t *first, *fourth;
  int64_t stride;

  inline const int8_t* of(int token) const { return (token < 3 ? first : fourth) + token % 3 * stride; }
  inline CodeRows from(int64_t input) const { return {first + input, fourth + input, stride}; }
};

template <int T>
struct TileInputs {
  CodeRows codes;
  alignas(64) int32_t sums[CUT / LEAST_BLOCK][T];    // of the activations of each block
  alignas(64) int32_t starts[CUT / LEAST_BLOCK][T];  // that its sum of products begins with
  alignas(64) float scales[CUT / LEAST_GROUP][T];

  // The inputs of a cut, of the first of T tokens; sums begin with so many times the sum of activations.
  TileInputs(const Activations& first, int64_t stride, const BlockShape& shape, int64_t inputs, int32_t start)
      : codes{first.codes, first.codes + 3 * stride, stride} {
    for (int t = 0; t < T; ++t) {
      note_sums(first, t, stride, shape.inputs, inputs);
      const float* own = at(first.scales, t, stride);
      for (int64_t g = 0; g < inputs / shape.group; ++g) scales[g][t] = own[g];
    }
    for (int64_t b = 0; b < inputs / shape.inputs; ++b)
      for (int t = 0; t < T; ++t) starts[b][t] = start * sums[b][t];
  }

 private:
  template <class N>
  static inline const N* at(const N* first, int token, int64_t stride) {
    return reinterpret_cast<const N*>(reinterpret_cast<const char*>(first) + token * stride);
  }
  inline void note_sums(const Activations& first, int t, int64_t stride, int64_t block, int64_t inputs) {
    const int16_t* halves = at(first.halves, t, stride);
    const int64_t each = block / HALF;
    if (each == 1)
      for (int64_t b = 0; b < inputs / HALF; ++b) sums[b][t] = halves[b];
    else if (each == 2)
      for (int64_t b = 0; b < inputs / SUMMED; ++b) sums[b][t] = halves[2 * b] + halves[2 * b + 1];
    else
      for (int64_t b = 0; b < inputs / block; ++b) {
        sums[b][t] = 0;
        for (int64_t i = b * each; i < (b + 1) * each; ++i) sums[b][t] += halves[i];
      }
  }
};

}  // namespace
