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

// Adds a plane of so many bits of some codes of a run, from bit `shift` on. Where they lie in bytes that follow one another, at
// the same bit, they are taken together.
static void add_plane(const int32_t* begins, int bits, int shift, const uint8_t* run, int64_t count, uint8_t* to) {
  const int mask = (1 << bits) - 1;
  for (int64_t i = 0, next = 1; i < count; i = next++) {
    while (next < count && begins[next] == begins[next - 1] + 8) ++next;
    const int bit = begins[i] % 8;
    const uint8_t* from = run + begins[i] / 8;
    if (bit + bits > 8)
      for (int64_t j = i; j < next; ++j) to[j] ^= uint8_t(((from[j - i] >> bit | from[j - i + 1] << (8 - bit)) & mask) << shift);
    else
      for (int64_t j = i; j < next; ++j) to[j] ^= uint8_t((from[j - i] >> bit & mask) << shift);
  }
}

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
  for (int64_t i = 0; i < count; ++i) to[i] = uint8_t(bits.flip);
  for (int64_t i = 0, place = at % bits.run; i < count; place = 0, run += bits.run_bytes) {
    const int64_t some = count - i < bits.run - place ? count - i : bits.run - place;
    for (int32_t plane = 0, shift = 0; plane < bits.planes; shift += bits.bits[plane++])
      add_plane(bits.begins + plane * bits.run + place, bits.bits[plane], shift, run, some, to + i);
    i += some;
  }
}

// The lower four bits of so many inputs of a row, and of eight neighbours in four bytes: see code_panels.h.
static void lay_nibbles(const uint8_t* from, int64_t count, int64_t lane, uint8_t* to) {
  for (int64_t i = 0; i < count; i += 8) {
    uint32_t low, high;
    __builtin_memcpy(&low, from + i, 4);
    __builtin_memcpy(&high, from + i + 4, 4);
    const uint32_t both = (low & 0x0f0f0f0f) | (high & 0x0f0f0f0f) << 4;
    __builtin_memcpy(to + (i / 8 * PANEL + lane) * 4, &both, 4);
  }
}

// Codes of a row with `bits` more than four, in chunks of nibbles and a plane.
static void lay_planes(const uint8_t* from, int64_t count, int bits, int64_t lane, uint8_t* to) {
  const int64_t steps = bits == 1 ? 8 : 4, inputs = 4 * steps;
  for (int64_t i = 0; i < count; i += inputs, to += (inputs / 2 + 4) * PANEL) {
    lay_nibbles(from + i, inputs, lane, to);
    uint32_t plane = 0;
    for (int64_t s = 0; s < steps; ++s) {
      uint32_t four;
      __builtin_memcpy(&four, from + i + 4 * s, 4);
      plane |= (four >> 4 & 0x01010101u * ((1u << bits) - 1)) << s * bits;
    }
    __builtin_memcpy(to + inputs / 2 * PANEL + 4 * lane, &plane, 4);
  }
}

// Codes [64 rows][count inputs] from input k of a group on, into its body: see code_panels.h.
static void lay_codes(const CodePanels& panels, const uint8_t (*codes)[MOVED], int64_t k, int64_t count, uint8_t* body) {
  const bool fours = panels.input_group;
  for (int64_t lane = 0; lane < PANEL; ++lane) {
    const uint8_t* from = codes[lane];
    if (fours && panels.bits == 8)
      for (int64_t i = 0; i < count; i += 4) __builtin_memcpy(body + ((k + i) / 4 * PANEL + lane) * 4, from + i, 4);
    else if (fours && panels.bits == 4)
      lay_nibbles(from, count, lane, body + k / 2 * PANEL);
    else if (fours)
      lay_planes(from, count, panels.bits - 4, lane, body + k * PANEL * panels.bits / 8);
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
  uint8_t *scale = a.to + group_at(panels, g * panels.group), *zero = scale + scale_bytes(panels);
  switch (panels.scale) {
    case SCALE_BFLOAT16: case SCALE_FLOAT16: lay_numbers<uint16_t>(a, a.packing.scale, g, groups, scale); break;
    case SCALE_FLOAT32: lay_numbers<float>(a, a.packing.scale, g, groups, scale); break;
    default: lay_numbers<uint8_t>(a, a.packing.scale, g, groups, scale);
  }
  switch (panels.zero) {
    case ZERO_NONE: break;
    case ZERO_PARTS: case ZERO_LOW: lay_numbers<uint32_t>(a, a.packing.zero, g, groups, zero); break;  // whatever is in the four bytes
    case ZERO_FLOAT16: case ZERO_BFLOAT16: lay_numbers<uint16_t>(a, a.packing.zero, g, groups, zero); break;
    default: lay_numbers<uint8_t>(a, a.packing.zero, g, groups, zero);
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
  for (int64_t k = 0; panels.stepped && k < packing.width; k += panels.stepped) {
    const int64_t unit = k / panels.stepped, units = packing.width / panels.stepped;
    lay_numbers<uint16_t>(a, packing.unit, unit, units, to + units_at(panels, k));
    if (packing.low_unit) lay_numbers<uint16_t>(a, packing.low_unit, unit, units, to + units_at(panels, k) + 2 * PANEL);
  }
  for (int64_t g = 0; g < groups; ++g) lay_group(a, g, groups);
}

}  // namespace
