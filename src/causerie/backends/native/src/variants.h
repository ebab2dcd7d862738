// The instruction sets that kernels are compiled for, fastest first, and which of them can run here.
#pragma once
#include "kernels.h"

struct Variant {
  const char* name;
  const Kernels* kernels;  // null: not compiled into this library
  const char* lacking;     // null: runs here; else what the processor lacks, or that it was not compiled
};

#if defined(__aarch64__)
constexpr int VARIANT_COUNT = 4;
#else
constexpr int VARIANT_COUNT = 5;
#endif
Variant variant(int index);
