// How the threads of an instruction share its items. Each thread owns a contiguous range, so that it reads one long stream,
// and takes from the others' ranges when its own is done. Which thread does an item never changes the item's result.
// Only compiler built-ins here: this is included by code compiled for several instruction sets (see kernels.h).
#pragma once
#include <stdint.h>

struct alignas(64) Claimed {
  int64_t count;  // items taken from this thread's range
};

struct Worker {
  Claimed* claimed;  // [threads], zero when an instruction starts
  int thread, threads;
};

// The next item of `items` for this worker, or -1 when none is left.
static inline int64_t claim(const Worker& worker, int64_t items) {
  for (int i = 0; i < worker.threads; ++i) {
    int owner = worker.thread + i;
    if (owner >= worker.threads) owner -= worker.threads;
    const int64_t begin = items * owner / worker.threads, size = items * (owner + 1) / worker.threads - begin;
    int64_t* count = &worker.claimed[owner].count;
    if (__atomic_load_n(count, __ATOMIC_RELAXED) >= size) continue;
    const int64_t taken = __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    if (taken < size) return begin + taken;
  }
  return -1;
}
