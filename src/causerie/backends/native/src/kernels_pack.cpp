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

// Chunks of 64 rows and CHUNK columns are gathered in the first cache, then written as one stream.
template <class T, int EACH>
static void pack_panel(const Packing& packing, int64_t panel) {
  struct Unit { T values[EACH]; };
  constexpr int64_t UNITS = CHUNK / EACH;
  const int64_t steps = (packing.width + EACH - 1) / EACH;
  Unit* target = reinterpret_cast<Unit*>(packing.target) + (packing.first / PANEL + panel) * steps * PANEL;
  alignas(64) Unit gathered[PANEL][UNITS];
  for (int64_t step = 0; step < steps; step += UNITS) {
    const int64_t k = step * EACH, count = packing.width - k < CHUNK ? packing.width - k : CHUNK;
    for (int64_t lane = 0; lane < PANEL; ++lane) {
      const int64_t r = panel * PANEL + lane;
      T* line = gathered[lane][0].values;
      const int64_t known = r < packing.rows ? count : 0;
      if (known) convert(packing, r * packing.width + k, known, line);
      for (int64_t i = known; i < CHUNK; ++i) line[i] = T{};
    }
    const int64_t end = steps - step < UNITS ? steps - step : UNITS;
    for (int64_t i = 0; i < end; ++i)
      for (int64_t lane = 0; lane < PANEL; ++lane) target[(step + i) * PANEL + lane] = gathered[lane][i];
  }
}

template <class T>
static void pack_rows(const Packing& packing, int64_t panel) {
  const int64_t begin = panel * PANEL, end = begin + PANEL < packing.rows ? begin + PANEL : packing.rows;
  T* target = reinterpret_cast<T*>(packing.target) + packing.first * packing.width;
  convert(packing, begin * packing.width, (end - begin) * packing.width, target + begin * packing.width);
}

void pack(const Packing& packing, int64_t panel) {
  const bool panels = packing.layout == PANELS;
  switch (packing.target_format) {
    case FLOAT32: return panels ? pack_panel<float, 1>(packing, panel) : pack_rows<float>(packing, panel);
    case FLOAT16: return panels ? pack_panel<Half, 1>(packing, panel) : pack_rows<Half>(packing, panel);
    default: return panels ? pack_panel<Brain, 2>(packing, panel) : pack_rows<Brain>(packing, panel);
  }
}

uint64_t read(const uint64_t* words, int64_t count) {
  uint64_t lanes[32] = {};
  for (int64_t i = 0; i < count; i += 32) {
    for (int j = 0; j < 32; j += 8) __builtin_prefetch(words + i + 1024 + j);
    for (int j = 0; j < 32; ++j) lanes[j] ^= words[i + j];
  }
  uint64_t all = 0;
  for (int j = 0; j < 32; ++j) all ^= lanes[j];
  return all;
}

}  // namespace
