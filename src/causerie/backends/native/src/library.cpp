// The C functions that Python calls (library.py declares the same list; describe.cpp and peak.cpp have two more). None
// throws; none knows Python.
#include <new>

#include "check.h"
#include "code_panels.h"
#include "expert_store.h"
#include "pool.h"
#include "records.h"
#include "run.h"
#include "variants.h"

#define CAUSERIE_EXPORT extern "C" __attribute__((visibility("default")))

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

// A Fault; 0 when the step ran. `variant_index` must be one that can run; `opened` as in run.h, or null.
CAUSERIE_EXPORT int32_t causerie_run(Pool* pool, int variant_index, const Program* program, const Step* step, int64_t* where, int64_t* opened) {
  const Fault fault = check(*program, *step, where);
  if (fault != STEP_OK) return fault;
  run(*variant(variant_index).kernels, *pool, *program, *step, opened);
  auto* store = static_cast<ExpertStore*>(program->store);
  return store && (*where = store->take_fault()) ? EXPERT_UNREAD : STEP_OK;
}

// Null when memory or threads are lacking.
CAUSERIE_EXPORT ExpertStore* causerie_store_new(const StoreArguments* arguments) {
  try {
    return new ExpertStore(*arguments);
  } catch (...) {
    return nullptr;
  }
}
CAUSERIE_EXPORT void causerie_store_free(ExpertStore* store) { delete store; }

// How often an expert was in memory, was not, and had been asked for ahead; and the bytes that were read.
CAUSERIE_EXPORT void causerie_store_counts(const ExpertStore* store, int64_t* counts) {
  const ExpertStore::Counts& all = store->counts();
  counts[0] = all.hits;
  counts[1] = all.misses;
  counts[2] = all.early;
  counts[3] = all.bytes;
}

namespace {

struct PackRun {
  void (*kernel)(const Packing&, int64_t panel);
  const Packing& packing;
};

struct ReadRun {
  const Kernels& kernels;
  const uint64_t* words;
  int64_t count;
  uint64_t* result;
};

void each_panel(Pool& pool, const PackRun& run) {
  const auto items = [](const void* argument, int) {
    return (static_cast<const PackRun*>(argument)->packing.rows + PANEL - 1) / PANEL;
  };
  const auto execute = [](const void* argument, int, int64_t panel) {
    const auto& [kernel, what] = *static_cast<const PackRun*>(argument);
    kernel(what, panel);
  };
  pool.run({1, items, execute, &run});
}

constexpr int64_t STRETCH = 1 << 18;  // words of one item of the probe: 2 MB

}  // namespace

// Fills the table of a tensor that is to be packed losslessly, for this slice; then each panel needs memory.
CAUSERIE_EXPORT void causerie_measure(Pool* pool, int variant_index, const Packing* packing) {
  each_panel(*pool, {variant(variant_index).kernels->measure, *packing});
}

CAUSERIE_EXPORT void causerie_pack(Pool* pool, int variant_index, const Packing* packing) {
  const Kernels& kernels = *variant(variant_index).kernels;
  each_panel(*pool, {packing->target_format == CODES ? kernels.arrange : kernels.pack, *packing});
}

// A RecordFault; where there is one, `where` as in records.h. Every packing of the list is of CODES.
CAUSERIE_EXPORT int32_t causerie_arrange_records(Pool* pool, int variant_index, const RecordRows* all, int64_t count, int64_t* where) {
  return arrange_records(*pool, *variant(variant_index).kernels, all, count, where);
}

// On the caller's own thread: others may quantize other rows meanwhile.
CAUSERIE_EXPORT void causerie_quantize(int variant_index, const Quantizing* what) { variant(variant_index).kernels->fit(*what); }

// What a quantized matrix takes, in whole panels.
CAUSERIE_EXPORT int64_t causerie_code_bytes(const CodePanels* panels, int64_t rows, int64_t width) {
  return table_bytes(*panels) + (rows + PANEL - 1) / PANEL * panel_bytes(*panels, width);
}

// XOR of `count` 64-bit words (a multiple of 32): what memory can deliver, when timed.
CAUSERIE_EXPORT uint64_t causerie_read(Pool* pool, int variant_index, const uint64_t* words, int64_t count) {
  uint64_t result = 0;
  const ReadRun run{*variant(variant_index).kernels, words, count, &result};
  const auto items = [](const void* argument, int) {
    return (static_cast<const ReadRun*>(argument)->count + STRETCH - 1) / STRETCH;
  };
  const auto execute = [](const void* argument, int, int64_t item) {
    const auto& what = *static_cast<const ReadRun*>(argument);
    const int64_t first = item * STRETCH, left = what.count - first;
    const uint64_t part = what.kernels.read(what.words + first, left < STRETCH ? left : STRETCH);
    __atomic_fetch_xor(what.result, part, __ATOMIC_RELAXED);
  };
  pool->run({1, items, execute, &run});
  return result;
}
