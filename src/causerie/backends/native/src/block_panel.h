// Blocks as they lie in a panel, for block_sums.h.
#pragma once
#include "block_sums.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int FEW_ROWS = VECTORS > 1 ? 8 : 6;  // of activations that read a panel as it lies

// Where a group of activations begins in a panel: its first block, and the units that its steps are of.
struct PanelPlace {
  CutPlace cut = {};
  const uint8_t* units;
  const uint8_t* block;
  int64_t bytes, blocks;  // of a block, and how many there are

  PanelPlace(const CodePanels& panels, const uint8_t* panel)
      : units(panel), block(panel + panel_head(panels)), bytes(group_bytes(panels)), blocks(panels.input_group / panels.group) {}
  // Input k is the next; and the group is behind.
  inline void enter(const CodePanels& panels, int64_t k) {
    if (!panels.stepped || k % panels.stepped) return;
    units = block;
    block += units_bytes(panels);
  }
  inline void leave() { block += blocks * bytes, cut.block += blocks, ++cut.group; }
};

static inline f32x16 load_scale(int32_t kind, const uint8_t* numbers, int v) {
  const uint16_t* sixteen = reinterpret_cast<const uint16_t*>(numbers) + 16 * v;
  switch (kind) {
    case SCALE_FLOAT16: return load_f16(sixteen);
    case SCALE_BFLOAT16: return load_bf16(sixteen);
    case SCALE_EXPONENT: return power_of_two(load_u8(numbers + 16 * v));
    default: return load(reinterpret_cast<const float*>(numbers) + 16 * v);
  }
}
static inline f32x16 load_low(int32_t kind, const uint8_t* numbers, int v) {
  const uint16_t* sixteen = reinterpret_cast<const uint16_t*>(numbers) + 16 * v;
  switch (kind) {
    case ZERO_FLOAT16: return load_f16(sixteen);
    case ZERO_BFLOAT16: return load_bf16(sixteen);
    default: return load(reinterpret_cast<const float*>(numbers) + 16 * v);
  }
}
static inline i32x16 load_zero(int32_t kind, const uint8_t* numbers, int v) {
  if (kind == ZERO_BYTE) return sub(broadcast_int(0), load_u8(numbers + 16 * v));
  return load_int(reinterpret_cast<const int32_t*>(numbers) + 16 * v);
}
static inline i32x16 load_steps(bool with_sign, const uint8_t* numbers, int v) {
  return with_sign ? load_i8(reinterpret_cast<const int8_t*>(numbers) + 16 * v) : load_u8(numbers + 16 * v);
}

template <class C, bool STEPPED, bool LOWS>
struct Panel {
  using Codes = C;
  using Place = PanelPlace;
  static constexpr bool stepped = STEPPED, lows = LOWS, from_memory = true;
  const C codes;
  const BlockShape shape;
  const int32_t scale_kind, low_kind;
  const int64_t scales, heads;  // bytes of a block's scales, and of these with what is added

  Panel(const CodePanels& panels, const uint8_t* table)
      : codes(table), shape(panels), scale_kind(panels.scale), low_kind(panels.zero), scales(scale_bytes(panels)), heads(group_head(panels)) {}
  inline void fetch(const Place& at, int64_t b, int v0) const {
    if (v0 == 0)
      for (int64_t i = 0; i < heads; i += 64) __builtin_prefetch(at.block + b * at.bytes + AHEAD + i);
  }
  inline const uint8_t* body(const Place& at, int64_t b) const { return at.block + b * at.bytes + heads; }
  inline f32x16 scale(const Place& at, int64_t b, int v) const { return load_scale(scale_kind, at.block + b * at.bytes, v); }
  inline f32x16 low(const Place& at, int64_t b, int v) const { return load_low(low_kind, at.block + b * at.bytes + scales, v); }
  inline i32x16 zero(const Place& at, int64_t b, int v) const { return load_zero(low_kind, at.block + b * at.bytes + scales, v); }
  inline i32x16 steps(const Place& at, int64_t b, int v) const { return load_steps(scale_kind == SCALE_SIGNED_STEPS, at.block + b * at.bytes, v); }
  inline i32x16 low_steps(const Place& at, int64_t b, int v) const {
    return load_steps(low_kind == ZERO_SIGNED_STEPS, at.block + b * at.bytes + scales, v);
  }
  inline f32x16 unit(const Place& at, int v) const { return load_f16(reinterpret_cast<const uint16_t*>(at.units) + 16 * v); }
  inline f32x16 low_unit(const Place& at, int v) const { return load_f16(reinterpret_cast<const uint16_t*>(at.units) + PANEL + 16 * v); }
};

// Whether bytes that products are made of may be 128 or more.
static inline bool biased(const CodePanels& panels) { return panels.tabled ? panels.center == 128 : panels.bits == 8; }

void run_unpacked(const Stretch&);

}  // namespace
