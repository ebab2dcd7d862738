// From a number of tokens (or of lines) to the template that does so many at once.
#pragma once
#include "kernels.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

template <int N>
struct Count {
  static constexpr int value = N;
};

// Calls use(Count<n>) for n = count, which is 1 .. MOST; what is above counts as MOST.
template <int MOST, class Use>
static inline __attribute__((always_inline)) void with_count(int64_t count, const Use& use) {
  if constexpr (MOST > 1)
    if (count < MOST) return with_count<MOST - 1>(count, use);
  use(Count<MOST>{});
}

}  // namespace
