// The activations of a few tokens in 8 bits, as the kernels of quantized matrices walk over them.
#pragma once
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// From some group on. Rows lie `stride` bytes apart, so that few registers find all.
struct Input {
  const int8_t* x;
  const int32_t* sums;
  const int16_t* halves;
  const float* scales;
  int64_t stride;

  Input(const Activations& from, int64_t row_stride) : x(from.codes), sums(from.sums), halves(from.halves), scales(from.scales), stride(row_stride) {}
  template <class T>
  inline const T* of(const T* first, int token) const { return reinterpret_cast<const T*>(reinterpret_cast<const char*>(first) + token * stride); }
  inline void skip(int64_t groups, int64_t inputs) { x += groups * inputs, sums += groups * inputs / SUMMED, halves += groups * inputs / HALF, scales += groups; }
  inline void advance(int64_t inputs) { skip(1, inputs); }
  // Of `inputs` of a token, from one on that they divide.
  inline int32_t sum(int token, int64_t from, int64_t inputs) const {
    if (inputs == SUMMED) return sum_of(of(sums, token)[from / SUMMED]);
    if (inputs == HALF) return of(halves, token)[from / HALF];
    int32_t all = 0;
    if (inputs < HALF)
      for (int64_t i = 0; i < inputs; ++i) all += of(x, token)[from + i];
    for (int64_t i = 0; i < inputs / HALF; ++i) all += of(halves, token)[from / HALF + i];
    return all;
  }
};

}  // namespace
