// The activations of a few tokens in 8 bits, as the kernels of int8 and int4 walk over them.
#pragma once
#include "quantized.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

// From some group on. Rows lie `stride` bytes apart, so that few registers find all.
struct Input {
  const int8_t* x;
  const int32_t* sums;
  const float* scales;
  int64_t stride;

  Input(const Activations& from, int64_t row_stride) : x(from.codes), sums(from.sums), scales(from.scales), stride(row_stride) {}
  template <class T>
  inline const T* of(const T* first, int token) const { return reinterpret_cast<const T*>(reinterpret_cast<const char*>(first) + token * stride); }
  inline void skip(int64_t groups, int64_t inputs) { x += groups * inputs, sums += groups * inputs / SUMMED, scales += groups; }
  inline void advance(int64_t inputs) { skip(1, inputs); }
};

}  // namespace
