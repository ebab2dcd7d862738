// From a checkpoint's rows into the layouts that kernels read, and the bandwidth probe.
//
// Panels: 64 output rows side by side with k outermost. float32, float16: [rows / 64][k][64]. bfloat16: [rows / 64][k / 2]
// [64][2], so that one 32-bit lane holds the two neighbours in k that vdpbf16ps takes. Rows and an odd k are padded with 0.
#include "simd.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t CHUNK = 64;  // elements of k that are moved at a time: 64 rows of them fit the first cache

static inline float widen(const void* from, int64_t index, int format) {
  if (format == FLOAT32) return static_cast<const float*>(from)[index];
  const uint16_t bits = static_cast<const uint16_t*>(from)[index];
  return format == BFLOAT16 ? from_bf16(bits) : from_f16(bits);
}

static inline void narrow(float value, float* to) { *to = value; }
struct Half { uint16_t bits; };
struct Brain { uint16_t bits; };
static inline void narrow(float value, Half* to) { to->bits = to_f16(value); }
static inline void narrow(float value, Brain* to) { to->bits = to_bf16(value); }

// count elements from (row, k) of the source into `to`, in the target's format; equal formats are copied bit by bit.
template <class T>
static inline void convert(const Packing& packing, int64_t index, int64_t count, T* to) {
  if (packing.source_format == packing.target_format) {
    const T* from = static_cast<const T*>(packing.source) + index;
    for (int64_t i = 0; i < count; ++i) to[i] = from[i];
  } else {
    for (int64_t i = 0; i < count; ++i) narrow(widen(packing.source, index + i, packing.source_format), to + i);
  }
}

template <class T, int EACH>
static void pack_panel(const Packing& packing, int64_t panel) {
  const int64_t steps = (packing.width + EACH - 1) / EACH;
  T* target = reinterpret_cast<T*>(packing.target) + (packing.first / PANEL + panel) * steps * PANEL * EACH;
  T line[CHUNK];
  for (int64_t k = 0; k < packing.width; k += CHUNK) {
    const int64_t count = packing.width - k < CHUNK ? packing.width - k : CHUNK;
    const int64_t whole = (count + EACH - 1) / EACH * EACH;
    for (int64_t lane = 0; lane < PANEL; ++lane) {
      const int64_t r = panel * PANEL + lane;
      for (int64_t i = 0; i < CHUNK; ++i) line[i] = T{};
      if (r < packing.rows) convert(packing, r * packing.width + k, count, line);
      T* out = target + k * PANEL + lane * EACH;
      for (int64_t i = 0; i < whole; i += EACH)
        for (int e = 0; e < EACH; ++e) out[i * PANEL + e] = line[i + e];
    }
  }
}

template <class T>
static void pack_rows(const Packing& packing, int64_t panel) {
  const int64_t begin = panel * PANEL, end = begin + PANEL < packing.rows ? begin + PANEL : packing.rows;
  T* target = reinterpret_cast<T*>(packing.target) + packing.first * packing.width;
  convert(packing, begin * packing.width, (end - begin) * packing.width, target + begin * packing.width);
}

void pack(const Packing& packing, const Worker& worker) {
  for (int64_t panel; (panel = claim(worker, (packing.rows + PANEL - 1) / PANEL)) >= 0;) {
    const bool panels = packing.layout == PANELS;
    switch (packing.target_format) {
      case FLOAT32: panels ? pack_panel<float, 1>(packing, panel) : pack_rows<float>(packing, panel); break;
      case FLOAT16: panels ? pack_panel<Half, 1>(packing, panel) : pack_rows<Half>(packing, panel); break;
      default: panels ? pack_panel<Brain, 2>(packing, panel) : pack_rows<Brain>(packing, panel); break;
    }
  }
}

uint64_t read(const uint64_t* words, int64_t count, const Worker& worker) {
  const int64_t begin = count / 512 * worker.thread / worker.threads * 512;
  const int64_t end = count / 512 * (worker.thread + 1) / worker.threads * 512;
  uint64_t lanes[32] = {};
  for (int64_t i = begin; i < end; i += 32) {
    for (int j = 0; j < 32; j += 8) __builtin_prefetch(words + i + 1024 + j);
    for (int j = 0; j < 32; ++j) lanes[j] ^= words[i + j];
  }
  uint64_t all = 0;
  for (int j = 0; j < 32; ++j) all ^= lanes[j];
  return all;
}

}  // namespace
