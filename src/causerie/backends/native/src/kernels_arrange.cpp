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

// Adds a plane of so many bits of some codes of a run, from bit `shift` on; `stretches` says how many of them can be taken
// together: CodeBits.
static void add_plane(const int32_t* begins, const int32_t* stretches, int bits, int shift, const uint8_t* run, int64_t count, uint8_t* __restrict to) {
  const int mask = (1 << bits) - 1;
  for (int64_t i = 0, some; i < count; i += some) {
    const int bit = begins[i] % 8;
    const uint8_t* from = run + begins[i] / 8;
    some = stretches[i] < 0 ? 8 : stretches[i];
    if (some > count - i) some = count - i;
    if (stretches[i] < 0 && some == 8) {
      // Bits of a byte that belong to neighbours: each to a byte of its own, where it becomes the lowest.
      const uint64_t apart = *from * 0x0101010101010101u & 0x8040201008040201u;
      const uint64_t lowest = (apart + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
      uint64_t codes;
      __builtin_memcpy(&codes, to + i, 8);
      codes ^= lowest << shift;
      __builtin_memcpy(to + i, &codes, 8);
    } else if (stretches[i] < 0)
      for (int64_t j = 0; j < some; ++j) to[i + j] ^= uint8_t((*from >> (bit + j) & 1) << shift);
    else if (bit + bits > 8)
      for (int64_t j = 0; j < some; ++j) to[i + j] ^= uint8_t(((from[j] >> bit | from[j + 1] << (8 - bit)) & mask) << shift);
    else {
      int64_t j = 0;
      for (; j + 8 <= some; j += 8) {  // what a shift brings from one byte into the next is masked
        uint64_t eight, codes;
        __builtin_memcpy(&eight, from + j, 8);
        __builtin_memcpy(&codes, to + i + j, 8);
        codes ^= (eight >> bit & 0x0101010101010101u * uint64_t(mask)) << shift;
        __builtin_memcpy(to + i + j, &codes, 8);
      }
      for (; j < some; ++j) to[i + j] ^= uint8_t((from[j] >> bit & mask) << shift);
    }
  }
}

// Codes of the weights at .. at + count, numbered along the slice, so that they count from 0.
static void unpack(const CodeBits& bits, const void* source, int64_t at, int64_t count, uint8_t* __restrict to) {
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
    for (int32_t plane = 0, shift = 0; plane < bits.planes; shift += bits.bits[plane++]) {
      const int64_t first = plane * bits.run + place;
      add_plane(bits.begins + first, bits.stretches + first, bits.bits[plane], shift, run, some, to + i);
    }
    i += some;
  }
}

// Four neighbouring codes of each row, as one word: words[i][lane] are those of inputs 4i .. 4i + 3.
typedef uint32_t Words[PANEL];

static void turn(const uint8_t (*codes)[MOVED], int64_t at, int64_t count, Words* words) {
  for (int64_t lane = 0; lane < PANEL; ++lane)
    for (int64_t i = 0; i < count / 4; ++i) __builtin_memcpy(&words[i][lane], codes[lane] + at + 4 * i, 4);
}

// The lower four bits of so many inputs, and of eight neighbours in four bytes: see code_panels.h.
static void lay_nibbles(const Words* words, int64_t count, uint8_t* to) {
  for (int64_t i = 0; i < count / 8; ++i) {
    alignas(64) Words both;
    for (int64_t lane = 0; lane < PANEL; ++lane)
      both[lane] = (words[2 * i][lane] & 0x0f0f0f0f) | (words[2 * i + 1][lane] & 0x0f0f0f0f) << 4;
    __builtin_memcpy(to + i * sizeof(Words), both, sizeof(Words));
  }
}

// Codes with `bits` more than four, in chunks of nibbles and a plane.
static void lay_planes(const Words* words, int64_t count, int bits, uint8_t* to) {
  const int64_t steps = bits == 1 ? 8 : 4;
  const uint32_t mask = 0x01010101u * ((1u << bits) - 1);
  for (int64_t i = 0; i < count / 4; i += steps) {
    lay_nibbles(words + i, 4 * steps, to);
    alignas(64) Words plane = {};
    for (int64_t s = 0; s < steps; ++s)
      for (int64_t lane = 0; lane < PANEL; ++lane) plane[lane] |= (words[i + s][lane] >> 4 & mask) << s * bits;
    to += steps / 2 * sizeof(Words);
    __builtin_memcpy(to, plane, sizeof(Words));
    to += sizeof(Words);
  }
}

// Codes [64 rows][count inputs], which begin at `at` there and at input k of a group, into its body: see code_panels.h.
static void lay_codes(const CodePanels& panels, const uint8_t (*codes)[MOVED], int64_t at, int64_t k, int64_t count, uint8_t* __restrict body) {
  if (panels.input_group) {
    alignas(64) Words words[MOVED / 4];
    turn(codes, at, count, words);
    uint8_t* to = body + k * PANEL * panels.bits / 8;
    if (panels.bits == 8) __builtin_memcpy(to, words, uint64_t(count) / 4 * sizeof(Words));
    else if (panels.bits == 4) lay_nibbles(words, count, to);
    else lay_planes(words, count, panels.bits - 4, to);
    return;
  }
  for (int64_t lane = 0; lane < PANEL; ++lane) {
    const uint8_t* from = codes[lane] + at;
    if (panels.bits == 8)
      for (int64_t i = 0; i < count; ++i) body[(k + i) * PANEL + lane] = uint8_t(panels.tabled ? from[i] : from[i] - panels.center);
    else if (lane < 32)
      for (int64_t i = 0; i < count; ++i) body[(k + i) * 32 + lane] = uint8_t(from[i] | from[32 * MOVED + i] << 4);
  }
}

// One number for each row of a group, `from` holding those of [rows][groups].
template <class T>
static void lay_numbers(const Arrangement& a, const void* from, int64_t g, int64_t groups, uint8_t* to) {
  T* numbers = reinterpret_cast<T*>(to);
  for (int64_t lane = 0; lane < PANEL; ++lane)
    numbers[lane] = lane < a.known ? static_cast<const T*>(from)[(a.first + lane) * groups + g] : T{};
}

static void lay_scales(const Arrangement& a, int64_t g, int64_t groups) {
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
}

// The codes of so many inputs from input k of the row on: of whole groups, or of a part of one.
static void lay_inputs(const Arrangement& a, int64_t k, int64_t count) {
  const CodePanels& panels = a.panels;
  const uint8_t fill = panels.tabled ? 0 : uint8_t(panels.bits == 8 ? 128 : 0);
  alignas(64) uint8_t codes[PANEL][MOVED];
  for (int64_t lane = 0; lane < PANEL; ++lane) {
    if (lane < a.known) unpack(*a.packing.codes, a.packing.source, (a.first + lane) * a.packing.width + k, count, codes[lane]);
    else
      for (int64_t i = 0; i < count; ++i) codes[lane][i] = fill;
  }
  for (int64_t i = 0, some; i < count; i += some) {
    const int64_t in_group = (k + i) % panels.group;
    some = panels.group - in_group < count - i ? panels.group - in_group : count - i;
    lay_codes(panels, codes, i, in_group, some, a.to + group_at(panels, k + i - in_group) + group_head(panels));
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
  for (int64_t g = 0; g < groups; ++g) lay_scales(a, g, groups);
  // As many whole groups at a time as there is room for, or a part of one.
  const int64_t whole = panels.group < MOVED ? MOVED / panels.group * panels.group : MOVED;
  const int64_t until = panels.group < MOVED ? packing.width : panels.group;
  for (int64_t first = 0; first < packing.width; first += until)
    for (int64_t k = 0; k < until; k += whole) lay_inputs(a, first + k, until - k < whole ? until - k : whole);
}

}  // namespace
