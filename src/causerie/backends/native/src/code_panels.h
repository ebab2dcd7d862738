// How quantized matrices lie as kernels read them: panels of 64 rows, each one stream of groups of inputs with their scales
// in front, so that nothing but the panel is read. What CodePanels says decides the layout:
//
//   [panel] of: unit / 16 as float32 [64 rows] where scales are bytes; then groups of inputs, each of
//     scale [64 rows]: bfloat16, float32, uint8, or the exponent of a power of two as float32 has it, a uint8; zero [64 rows]: nothing, uint8, int32 or float32; then the codes:
//     numbers, 8 bits   [inputs / 4][64 rows][4 inputs]
//     numbers, 4 bits   [inputs / 8][64 rows][4 bytes]: byte j of step i holds the code of input 8i + j in its low nibble
//                       and of 8i + 4 + j in its high one; so lie codes of 4 bits that name whole numbers, too
//     a table, 4 bits   [inputs][32 bytes]: byte i holds row i in its low nibble, row i + 32 in its high one
//     a table, 8 bits   [inputs][64 rows]
//     whole rows, 8 bits, multiplied with activations as they are: [inputs][64 rows] of signed numbers
//
// The values of a table lie before the first panel: 16 or 256 of float32, or 16 whole numbers, bytes that count from -center;
// padded to 256 bytes.
#pragma once
#include "abi.h"

static inline int64_t table_bytes(const CodePanels& panels) { return !panels.tabled ? 0 : panels.bits == 4 ? 256 : 1024; }

// Bytes before the first group of a panel, of a group's scales, of these with zeros, and of all of a group.
static inline int64_t panel_head(const CodePanels& panels) { return panels.scale == SCALE_BYTE ? 4 * PANEL : 0; }
static inline int64_t scale_bytes(const CodePanels& panels) {
  return PANEL * (panels.scale == SCALE_FLOAT32 ? 4 : panels.scale == SCALE_BFLOAT16 ? 2 : 1);
}
static inline int64_t group_head(const CodePanels& panels) {
  return scale_bytes(panels) + PANEL * (panels.zero == ZERO_NONE ? 0 : panels.zero == ZERO_SIXTEENTHS ? 1 : 4);
}
static inline int64_t group_bytes(const CodePanels& panels) {
  return group_head(panels) + int64_t(panels.group) * PANEL * panels.bits / 8;
}
static inline int64_t panel_bytes(const CodePanels& panels, int64_t width) {
  return panel_head(panels) + width / panels.group * group_bytes(panels);
}

static inline const uint8_t* panel_of(const CodePanels& panels, uint64_t weight, int64_t width, int64_t panel) {
  return reinterpret_cast<const uint8_t*>(weight) + table_bytes(panels) + panel * panel_bytes(panels, width);
}
