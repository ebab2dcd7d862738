// How quantized matrices lie as kernels read them: panels of 64 rows, each one stream of groups of inputs with their scales
// in front, so that nothing but the panel is read. What CodePanels says decides the layout:
//
//   [panel] of: unit / 16 as float32 [64 rows] where scales are bytes; then groups of inputs, each of
//     scale [64 rows]: bfloat16, float16, float32, uint8, int8, or the exponent of a power of two as float32 has it, a uint8
//     zero [64 rows]: nothing, uint8, int8, int32, float16, bfloat16 or float32; then the codes:
//     numbers, 8 bits   [inputs / 4][64 rows][4 inputs]
//     numbers, 4 bits   [inputs / 8][64 rows][4 bytes]: byte j of step i holds the code of input 8i + j in its low nibble
//                       and of 8i + 4 + j in its high one; so lie codes of 4 bits that name whole numbers, too
//     numbers, 5 bits   [inputs / 32] of: the lower four bits of 32 inputs as above; then [64 rows][4 bytes], where bit i of byte j
//                       is the highest of input 4i + j
//     numbers, 6 bits   [inputs / 16] of: the lower four bits of 16 inputs; then [64 rows][4 bytes], where bits 2i and 2i + 1 of
//                       byte j are the highest of input 4i + j
//     a table, 4 bits   [inputs][32 bytes]: byte i holds row i in its low nibble, row i + 32 in its high one
//     a table, 8 bits   [inputs][64 rows]
//     whole rows, 8 bits, multiplied with activations as they are: [inputs][64 rows] of signed numbers
//
// Where scales are steps, what they are steps of lies in front of the groups that share it: float16 [64 rows], and once more
// of lowest values, where these are steps.
//
// The values of a table lie before the first panel: 16 or 256 of float32, or 16 whole numbers, bytes that count from -center;
// padded to 256 bytes.
#pragma once
#include "abi.h"

static inline int64_t table_bytes(const CodePanels& panels) { return !panels.tabled ? 0 : panels.bits == 4 ? 256 : 1024; }

// Bytes before the first group of a panel, of what steps are of, of a group's scales, of these with zeros, and of all of a group.
static inline int64_t panel_head(const CodePanels& panels) { return panels.scale == SCALE_BYTE ? 4 * PANEL : 0; }
static inline int64_t units_bytes(const CodePanels& panels) {
  return !panels.stepped ? 0 : panels.zero == ZERO_NONE ? 2 * PANEL : 4 * PANEL;
}
static inline int64_t scale_bytes(const CodePanels& panels) {
  switch (panels.scale) {
    case SCALE_FLOAT32: return 4 * PANEL;
    case SCALE_BFLOAT16: case SCALE_FLOAT16: return 2 * PANEL;
    default: return PANEL;
  }
}
static inline int64_t zero_bytes(const CodePanels& panels) {
  switch (panels.zero) {
    case ZERO_NONE: return 0;
    case ZERO_PARTS: case ZERO_LOW: return 4 * PANEL;
    case ZERO_FLOAT16: case ZERO_BFLOAT16: return 2 * PANEL;
    default: return PANEL;
  }
}
static inline int64_t group_head(const CodePanels& panels) { return scale_bytes(panels) + zero_bytes(panels); }
static inline int64_t group_bytes(const CodePanels& panels) {
  return group_head(panels) + int64_t(panels.group) * PANEL * panels.bits / 8;
}
// Of so many inputs of a panel, from one on at which units begin.
static inline int64_t groups_bytes(const CodePanels& panels, int64_t inputs) {
  const int64_t units = panels.stepped ? inputs / panels.stepped * units_bytes(panels) : 0;
  return units + inputs / panels.group * group_bytes(panels);
}
static inline int64_t panel_bytes(const CodePanels& panels, int64_t width) { return panel_head(panels) + groups_bytes(panels, width); }

static inline const uint8_t* panel_of(const CodePanels& panels, uint64_t weight, int64_t width, int64_t panel) {
  return reinterpret_cast<const uint8_t*>(weight) + table_bytes(panels) + panel * panel_bytes(panels, width);
}

// Where the units lie that input k of a panel shares, and its group.
static inline int64_t units_at(const CodePanels& panels, int64_t k) {
  return panel_head(panels) + (panels.stepped ? groups_bytes(panels, k / panels.stepped * panels.stepped) : 0);
}
static inline int64_t group_at(const CodePanels& panels, int64_t k) {
  if (!panels.stepped) return panel_head(panels) + k / panels.group * group_bytes(panels);
  return units_at(panels, k) + units_bytes(panels) + k % panels.stepped / panels.group * group_bytes(panels);
}
