// The C functions that Python calls (library.py declares the same list). None throws; none knows Python.
#include <new>

#include "pool.h"
#include "run.h"
#include "variants.h"

#define CAUSERIE_EXPORT extern "C" __attribute__((visibility("default")))

CAUSERIE_EXPORT int causerie_abi_version() { return 1; }

// Bytes of the structures both sides describe, in the order of abi.h.
CAUSERIE_EXPORT void causerie_layout_sizes(int64_t* sizes) {
  const int64_t all[] = {sizeof(Part), sizeof(Instruction), sizeof(Buffer), sizeof(LayerCache), sizeof(Program), sizeof(Step), sizeof(Packing)};
  for (const int64_t size : all) *sizes++ = size;
}

CAUSERIE_EXPORT int causerie_variant_count() { return VARIANT_COUNT; }
CAUSERIE_EXPORT const char* causerie_variant_name(int index) { return variant(index).name; }
// Null when the variant can run here, else the reason why not.
CAUSERIE_EXPORT const char* causerie_variant_lacking(int index) { return variant(index).lacking; }

// Null when memory or threads are lacking.
CAUSERIE_EXPORT Pool* causerie_pool_new(int threads) {
  try {
    return new Pool(threads);
  } catch (...) {
    return nullptr;
  }
}
CAUSERIE_EXPORT void causerie_pool_free(Pool* pool) { delete pool; }

// A Fault; 0 when the step ran. `variant_index` must be one that can run.
CAUSERIE_EXPORT int32_t causerie_run(Pool* pool, int variant_index, const Program* program, const Step* step, int64_t* where) {
  const Fault fault = check(*program, *step, where);
  if (fault == STEP_OK) run(*variant(variant_index).kernels, *pool, *program, *step);
  return fault;
}

namespace {

struct PackRun {
  const Kernels& kernels;
  const Packing& packing;
};

struct ReadRun {
  const Kernels& kernels;
  const uint64_t* words;
  int64_t count;
  uint64_t result;
};

}  // namespace

CAUSERIE_EXPORT void causerie_pack(Pool* pool, int variant_index, const Packing* packing) {
  PackRun run{*variant(variant_index).kernels, *packing};
  pool->run([](void* argument, Pool& threads, int thread) {
    const auto& [kernels, what] = *static_cast<PackRun*>(argument);
    kernels.pack(what, threads.worker(thread));
  }, &run);
}

// XOR of `count` 64-bit words (a multiple of 512), each thread its own stretch: what memory can deliver, when timed.
CAUSERIE_EXPORT uint64_t causerie_read(Pool* pool, int variant_index, const uint64_t* words, int64_t count) {
  ReadRun run{*variant(variant_index).kernels, words, count, 0};
  pool->run([](void* argument, Pool& threads, int thread) {
    auto& what = *static_cast<ReadRun*>(argument);
    const uint64_t part = what.kernels.read(what.words, what.count, threads.worker(thread));
    __atomic_fetch_xor(&what.result, part, __ATOMIC_RELAXED);
  }, &run);
  return run.result;
}
