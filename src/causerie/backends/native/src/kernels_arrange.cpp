// Quantized matrices from the arrays of their reference layout (quant/packed_format.py) into panels (code_panels.h): codes
// from wherever their bits lie, numbers as they come. Rows that only fill up a panel have scales of zero.
#include "code_panels.h"
#include "kernels.h"
#include "numbers.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t MOVED = 128;  // inputs of a panel whose codes are unpacked at a time

// A panel of a slice: where its rows lie in the arrays, and where it goes.
struct Arrangement {
  const Packing& packing;
  const CodePanels& panels;
  int64_t first;  // row of the slice
  int64_t known;  // rows that exist
  uint8_t* to;
};

// Codes of the weights at .. at + count, numbered along the slice, so that they count from 0.
static void unpack(const CodeBits& bits, const void* source, int64_t at, int64_t count, uint8_t* to) {
  const uint8_t* run = static_cast<const uint8_t*>(source) + at / bits.run * bits.run_bytes;
  if (bits.bits[0] == 8 && bits.run == 1 && bits.run_bytes == 1) {
    for (int64_t i = 0; i < count; ++i) to[i] = uint8_t(run[i] ^ bits.flip);
    return;
  }
  if (bits.bits[0] == 4 && bits.run == 2 && bits.run_bytes == 1 && at % 2 == 0 && count % 2 == 0) {
    const int first = bits.begins[0], second = bits.begins[1];
    for (int64_t i = 0; i < count / 2; ++i) {
      to[2 * i] = uint8_t((run[i] >> first & 15) ^ bits.flip);
      to[2 * i + 1] = uint8_t((run[i] >> second & 15) ^ bits.flip);
    }
    return;
  }
  int64_t place = at % bits.run;
  for (int64_t i = 0; i < count; ++i) {
    int code = 0, shift = 0;
    for (int32_t plane = 0; plane < bits.planes; ++plane) {
      const int32_t begin = bits.begins[plane * bits.run + place], own = bits.bits[plane], bit = begin % 8;
      int field = run[begin / 8] >> bit;
      if (bit + own > 8) field |= run[begin / 8 + 1] << (8 - bit);
      code |= (field & ((1 << own) - 1)) << shift;
      shift += own;
    }
    to[i] = uint8_t(code ^ bits.flip);
    if (++place == bits.run) place = 0, run += bits.run_bytes;
  }
}

// Codes [64 rows][count inputs] from input k of a group on, into its body: see code_panels.h.
static void lay_codes(const CodePanels& panels, const uint8_t (*codes)[MOVED], int64_t k, int64_t count, uint8_t* body) {
  const bool fours = panels.input_group;
  for (int64_t lane = 0; lane < PANEL; ++lane) {
    const uint8_t* from = codes[lane];
    if (fours && panels.bits == 8)
      for (int64_t i = 0; i < count; i += 4) __builtin_memcpy(body + ((k + i) / 4 * PANEL + lane) * 4, from + i, 4);
    else if (fours)
      for (int64_t i = 0; i < count; i += 8) {
        uint32_t low, high;
        __builtin_memcpy(&low, from + i, 4);
        __builtin_memcpy(&high, from + i + 4, 4);
        const uint32_t both = low | high << 4;
        __builtin_memcpy(body + ((k + i) / 8 * PANEL + lane) * 4, &both, 4);
      }
    else if (panels.bits == 8)
      for (int64_t i = 0; i < count; ++i) body[(k + i) * PANEL + lane] = uint8_t(panels.tabled ? from[i] : from[i] - panels.center);
    else if (lane < 32)
      for (int64_t i = 0; i < count; ++i) body[(k + i) * 32 + lane] = uint8_t(from[i] | codes[lane + 32][i] << 4);
  }
}

// One number for each row of a group, `from` holding those of [rows][groups].
template <class T>
static void lay_numbers(const Arrangement& a, const void* from, int64_t g, int64_t groups, uint8_t* to) {
  T* numbers = reinterpret_cast<T*>(to);
  for (int64_t lane = 0; lane < PANEL; ++lane)
    numbers[lane] = lane < a.known ? static_cast<const T*>(from)[(a.first + lane) * groups + g] : T{};
}

static void lay_group(const Arrangement& a, int64_t g, int64_t groups) {
  const CodePanels& panels = a.panels;
  uint8_t *scale = a.to + panel_head(panels) + g * group_bytes(panels), *zero = scale + scale_bytes(panels);
  switch (panels.scale) {
    case SCALE_BFLOAT16: lay_numbers<uint16_t>(a, a.packing.scale, g, groups, scale); break;
    case SCALE_FLOAT32: lay_numbers<float>(a, a.packing.scale, g, groups, scale); break;
    default: lay_numbers<uint8_t>(a, a.packing.scale, g, groups, scale);
  }
  switch (panels.zero) {
    case ZERO_NONE: break;
    case ZERO_SIXTEENTHS: lay_numbers<uint8_t>(a, a.packing.zero, g, groups, zero); break;
    default: lay_numbers<uint32_t>(a, a.packing.zero, g, groups, zero);  // whatever is in the four bytes
  }
  const uint8_t fill = panels.tabled ? 0 : uint8_t(panels.bits == 8 ? 128 : 0);
  for (int64_t k = 0; k < panels.group; k += MOVED) {
    const int64_t count = panels.group - k < MOVED ? panels.group - k : MOVED;
    uint8_t codes[PANEL][MOVED];
    for (int64_t lane = 0; lane < PANEL; ++lane) {
      const int64_t at = (a.first + lane) * a.packing.width + g * panels.group + k;
      if (lane < a.known) unpack(*a.packing.codes, a.packing.source, at, count, codes[lane]);
      else
        for (int64_t i = 0; i < count; ++i) codes[lane][i] = fill;
    }
    lay_codes(panels, codes, k, count, scale + group_head(panels));
  }
}

void arrange(const Packing& packing, int64_t panel) {
  const CodePanels& panels = *packing.panels;
  const int64_t first = panel * PANEL, left = packing.rows - first, groups = packing.width / panels.group;
  uint8_t* to = const_cast<uint8_t*>(panel_of(panels, packing.target, packing.width, packing.first / PANEL + panel));
  const Arrangement a{packing, panels, first, left < PANEL ? left : PANEL, to};
  if (panels.scale == SCALE_BYTE)
    for (int64_t lane = 0; lane < PANEL; ++lane)
      reinterpret_cast<float*>(to)[lane] = lane < a.known ? from_bf16(static_cast<const uint16_t*>(packing.unit)[first + lane]) / 16.0f : 0.0f;
  for (int64_t g = 0; g < groups; ++g) lay_group(a, g, groups);
}

}  // namespace
