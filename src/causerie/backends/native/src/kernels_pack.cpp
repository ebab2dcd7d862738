// From a checkpoint's rows into the layouts that kernels read, and the bandwidth probe.
//
// Panels: 64 output rows side by side with k outermost. float32, float16: [rows / 64][k][64]. bfloat16: [rows / 64][k / 2]
// [64][2], so that one 32-bit lane holds the two neighbours in k that vdpbf16ps takes. Rows and an odd k are padded with 0.
// bfloat16 in 12 bits: packed.h.
#include "packed.h"

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
struct Unit { T values[EACH]; };  // what one row gives to one step over k

// Calls use(step, Unit[64]) for each step over k of a panel, in order. Chunks of 64 rows and CHUNK columns are gathered in
// the first cache before they are turned.
template <class T, int EACH, class Use>
static inline void each_step(const Packing& packing, int64_t panel, Use use) {
  constexpr int64_t UNITS = CHUNK / EACH;
  const int64_t steps = (packing.width + EACH - 1) / EACH;
  alignas(64) Unit<T, EACH> gathered[PANEL][UNITS], turned[PANEL];
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
    for (int64_t i = 0; i < end; ++i) {
      for (int64_t lane = 0; lane < PANEL; ++lane) turned[lane] = gathered[lane][i];
      use(step + i, turned);
    }
  }
}

template <class T, int EACH>
static void pack_panel(const Packing& packing, int64_t panel, void* to) {
  each_step<T, EACH>(packing, panel, [to](int64_t step, const Unit<T, EACH>* units) {
    Unit<T, EACH>* target = static_cast<Unit<T, EACH>*>(to) + step * PANEL;
    for (int64_t lane = 0; lane < PANEL; ++lane) target[lane] = units[lane];
  });
}

// Where a panel of this slice begins, in panels of equal size.
template <class T, int EACH>
static void pack_panel(const Packing& packing, int64_t panel) {
  const int64_t bytes = (packing.width + EACH - 1) / EACH * PANEL * int64_t(sizeof(Unit<T, EACH>));
  pack_panel<T, EACH>(packing, panel, reinterpret_cast<char*>(packing.target) + (packing.first / PANEL + panel) * bytes);
}

template <class T>
static void pack_rows(const Packing& packing, int64_t panel) {
  const int64_t begin = panel * PANEL, end = begin + PANEL < packing.rows ? begin + PANEL : packing.rows;
  T* target = reinterpret_cast<T*>(packing.target) + packing.first * packing.width;
  convert(packing, begin * packing.width, (end - begin) * packing.width, target + begin * packing.width);
}

static inline PackedPanel& packed_panel(const Packing& packing, int64_t panel) {
  return reinterpret_cast<PackedPanel*>(packing.target)[packing.first / PANEL + panel];
}

static inline int exponent_of(uint16_t bits) { return bits >> 7 & 255; }

// Counts the exponents of a panel, zeros of the padding included. Four counters for each, in turn: neighbours are often
// equal, and would wait for each other.
static void count_exponents(const Packing& packing, int64_t panel, uint32_t* counts) {
  uint32_t several[4][256] = {};
  Brain chunk[4 * CHUNK];
  const int64_t first = panel * PANEL, rows = packing.rows - first < PANEL ? packing.rows - first : PANEL;
  const int64_t end = (first + rows) * packing.width;
  for (int64_t at = first * packing.width; at < end; at += 4 * CHUNK) {
    const int64_t count = end - at < 4 * CHUNK ? end - at : 4 * CHUNK;
    convert(packing, at, count, chunk);
    for (int64_t i = 0; i < count; ++i) ++several[i % 4][exponent_of(chunk[i].bits)];
  }
  for (int e = 0; e < 256; ++e) counts[e] = several[0][e] + several[1][e] + several[2][e] + several[3][e];
  counts[0] += uint32_t((packing.width + packing.width % 2) * PANEL - rows * packing.width);
}

// Chooses a panel's sixteen exponents, the most frequent, and counts the weights of others.
void measure(const Packing& packing, int64_t panel) {
  uint32_t counts[256];
  count_exponents(packing, panel, counts);
  PackedPanel& entry = packed_panel(packing, panel);
  for (uint8_t& chosen : entry.exponents) {
    int most = 0;
    for (int e = 1; e < 256; ++e)
      if (counts[e] > counts[most]) most = e;
    chosen = uint8_t(most);
    counts[most] = 0;
  }
  entry.escape_count = 0;
  for (const uint32_t count : counts) entry.escape_count += count;
}

// A panel that was measured and given memory.
static void pack_losslessly(const Packing& packing, int64_t panel) {
  constexpr uint8_t NONE = 16;
  const PackedPanel& entry = packed_panel(packing, panel);
  uint8_t code_of[256];
  for (uint8_t& code : code_of) code = NONE;
  for (int i = 15; i >= 0; --i) code_of[entry.exponents[i]] = uint8_t(i);
  uint8_t* data = reinterpret_cast<uint8_t*>(entry.data);
  Escape* escape = reinterpret_cast<Escape*>(entry.escapes);
  each_step<Brain, 2>(packing, panel, [&](int64_t step, const Unit<Brain, 2>* units) {
    const Brain* weights = units[0].values;
    uint8_t codes[STEP_WEIGHTS], *to = data + step * PACKED_STEP, rare = 0;
    for (int i = 0; i < STEP_WEIGHTS; ++i) {
      to[i] = uint8_t((weights[i].bits >> 8 & 0x80) | (weights[i].bits & 0x7f));
      codes[i] = uint8_t(exponent_of(weights[i].bits));
    }
    for (uint8_t& code : codes) rare |= code = code_of[code];
    for (int i = 0; i < STEP_WEIGHTS && rare >= NONE; ++i)
      if (codes[i] == NONE) {
        *escape++ = {uint32_t(step * STEP_WEIGHTS + i), weights[i].bits};
        codes[i] = 0;
      }
    to += STEP_WEIGHTS;
    for (int i = 0; i < 32; ++i) {
      to[2 * i] = uint8_t(codes[i] | codes[32 + i] << 4);
      to[2 * i + 1] = uint8_t(codes[64 + i] | codes[96 + i] << 4);
    }
  });
}

static void pack_bfloat16(const Packing& packing, int64_t panel) {
  if (packing.layout != PACKED) return pack_panel<Brain, 2>(packing, panel);
  const PackedPanel& entry = packed_panel(packing, panel);
  if (!entry.plain) return pack_losslessly(packing, panel);
  pack_panel<Brain, 2>(packing, panel, reinterpret_cast<void*>(entry.data));
}

void pack(const Packing& packing, int64_t panel) {
  const bool panels = packing.layout == PANELS;
  switch (packing.target_format) {
    case FLOAT32: return panels ? pack_panel<float, 1>(packing, panel) : pack_rows<float>(packing, panel);
    case FLOAT16: return panels ? pack_panel<Half, 1>(packing, panel) : pack_rows<Half>(packing, panel);
    default: return packing.layout == ROWS ? pack_rows<Brain>(packing, panel) : pack_bfloat16(packing, panel);
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
