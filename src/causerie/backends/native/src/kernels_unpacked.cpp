// Many tokens with a matrix of blocks (kernels_blocks.cpp): some inputs of a panel at a time are unpacked into the second cache,
// codes to bytes and what scales them to float32 or int32, for all of the tokens.
#include "block_panel.h"
#include "dispatch.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int TILE_TOKENS = VECTORS > 1 ? 6 : 4;
constexpr int TILE_VECTORS = VECTORS > 1 ? 2 : 1;

struct Unpacked {
  alignas(64) uint8_t codes[CUT * PANEL];  // [inputs / 4][64 rows][4]
  union Row { float scale[PANEL]; int32_t steps[PANEL]; };
  alignas(64) Row scales[CUT / LEAST_BLOCK];  // of each block
  alignas(64) Row lows[CUT / LEAST_BLOCK];
  alignas(64) float units[CUT / LEAST_GROUP][PANEL], low_units[CUT / LEAST_GROUP][PANEL];  // of each group of activations
};

// Where a group of activations begins there.
struct UnpackedPlace {
  CutPlace cut = {};
  const uint8_t* ahead = nullptr;  // what to fetch with its blocks, `lines` with each
  int64_t lines = 0;
};

template <bool BIASED, bool STEPPED, bool LOWS>
struct UnpackedBlocks {
  using Codes = Octets<BIASED, 4>;
  using Place = UnpackedPlace;
  static constexpr bool stepped = STEPPED, lows = LOWS, from_memory = false;
  const Codes codes{nullptr};
  const BlockShape shape;
  const Unpacked& from;

  inline void fetch(const Place& at, int64_t b, int) const {
    for (int64_t i = 0; i < at.lines; ++i) __builtin_prefetch(at.ahead + (b * at.lines + i) * 64, 0, 2);
  }
  inline const uint8_t* body(const Place& at, int64_t b) const { return from.codes + (at.cut.block + b) * shape.inputs * PANEL; }
  inline f32x16 scale(const Place& at, int64_t b, int v) const { return load(from.scales[at.cut.block + b].scale + 16 * v); }
  inline f32x16 low(const Place& at, int64_t b, int v) const { return load(from.lows[at.cut.block + b].scale + 16 * v); }
  inline i32x16 zero(const Place& at, int64_t b, int v) const { return load_int(from.lows[at.cut.block + b].steps + 16 * v); }
  inline i32x16 steps(const Place& at, int64_t b, int v) const { return load_int(from.scales[at.cut.block + b].steps + 16 * v); }
  inline i32x16 low_steps(const Place& at, int64_t b, int v) const { return load_int(from.lows[at.cut.block + b].steps + 16 * v); }
  inline f32x16 unit(const Place& at, int v) const { return load(from.units[at.cut.group] + 16 * v); }
  inline f32x16 low_unit(const Place& at, int v) const { return load(from.low_units[at.cut.group] + 16 * v); }
};

template <class C, int S>
static inline void unpack_steps_of(const C& codes, const uint8_t* chunk, uint8_t* to) {
  for (int v = 0; v < WHOLE; ++v) store_bytes(to + S * 4 * PANEL + 64 * v, codes.template step<S>(chunk, v));
  if constexpr (S + 1 < C::steps) unpack_steps_of<C, S + 1>(codes, chunk, to);
}

template <class C>
static void unpack_codes(const uint8_t* table, const uint8_t* body, int64_t inputs, uint8_t* to) {
  const C codes(table);
  for (int64_t k = 0; k < inputs; k += 4 * C::steps, body += C::chunk_bytes, to += 4 * C::steps * PANEL) {
    for (int64_t i = 0; i < C::chunk_bytes; i += 64) __builtin_prefetch(body + AHEAD / 2 + i);
    unpack_steps_of<C, 0>(codes, body, to);
  }
}

static void unpack_body(const CodePanels& panels, const uint8_t* table, const uint8_t* body, uint8_t* to) {
  if (panels.tabled) return unpack_codes<NamedBits<false>>(table, body, panels.group, to);
  switch (panels.bits) {
    case 4: return unpack_codes<FourBits>(table, body, panels.group, to);
    case 5: return unpack_codes<FiveBits>(table, body, panels.group, to);
    case 6: return unpack_codes<SixBits>(table, body, panels.group, to);
    default: return unpack_codes<EightBits>(table, body, panels.group, to);
  }
}

static void unpack_numbers(const CodePanels& panels, const uint8_t* block, Unpacked::Row& scales, Unpacked::Row& lows) {
  const uint8_t* low = block + scale_bytes(panels);
  for (int v = 0; v < WHOLE; ++v) {
    if (panels.stepped) store_int(scales.steps + 16 * v, load_steps(panels.scale == SCALE_SIGNED_STEPS, block, v));
    else store(scales.scale + 16 * v, load_scale(panels.scale, block, v));
    switch (panels.zero) {
      case ZERO_NONE: break;
      case ZERO_PARTS: case ZERO_BYTE: store_int(lows.steps + 16 * v, load_zero(panels.zero, low, v)); break;
      case ZERO_STEPS: case ZERO_SIGNED_STEPS: store_int(lows.steps + 16 * v, load_steps(panels.zero == ZERO_SIGNED_STEPS, low, v)); break;
      default: store(lows.scale + 16 * v, load_low(panels.zero, low, v));
    }
  }
}

// `inputs` of a panel from a place on, which moves on.
static void unpack(const CodePanels& panels, const uint8_t* table, PanelPlace& at, int64_t inputs, Unpacked& to) {
  for (int64_t k = 0, block = 0; k < inputs; k += panels.input_group) {
    at.enter(panels, k);
    for (int v = 0; panels.stepped && v < WHOLE; ++v) {
      const uint16_t* units = reinterpret_cast<const uint16_t*>(at.units) + 16 * v;
      store(to.units[k / panels.input_group] + 16 * v, load_f16(units));
      if (panels.zero != ZERO_NONE) store(to.low_units[k / panels.input_group] + 16 * v, load_f16(units + PANEL));
    }
    for (int64_t b = 0; b < at.blocks; ++b, ++block) {
      const uint8_t* from = at.block + b * at.bytes;
      unpack_numbers(panels, from, to.scales[block], to.lows[block]);
      unpack_body(panels, table, from + group_head(panels), to.codes + block * panels.group * PANEL);
    }
    at.leave();
  }
}

// A cut of a panel: `groups` of activations from `first` on; and what lies behind it, which is fetched meanwhile.
struct PanelCut {
  int64_t first, groups;
  bool last;
  const uint8_t* ahead;
  int64_t lines;  // with each block
};

template <class P, int T, int V>
static __attribute__((noinline)) void strip(const P& source, const Stretch& run, const PanelCut& cut, const TileInputs<T>& tile, int64_t token, int v0, const uint8_t* ahead) {
  f32x16 out[T][V];
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) out[t][v] = begin_sums(run.out(token + t) + 16 * (v0 + v), cut.first == 0, run.rows() - 16 * (v0 + v));
  UnpackedPlace at{.ahead = ahead, .lines = cut.lines};
  for (int64_t g = 0; g < cut.groups; ++g) {
    add_group<P, T, V>(source, at, v0, tile, out);
    ++at.cut.group, at.cut.block += source.shape.blocks;
    at.ahead += source.shape.blocks * at.lines * 64;
  }
  if (cut.last) return finish_sums<T, V>(run, token, v0, out);
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) {
      const int64_t row = 16 * (v0 + v);
      if (run.rows() > row) store_first(run.out(token + t) + row, out[t][v], run.rows() - row);
    }
}

// The largest tile of so many tokens.
template <class Use>
static inline void with_tile(int64_t tokens, const Use& use) {
  if (tokens >= 6 && TILE_TOKENS >= 6) return use(Count<6>{});
  if (tokens >= 4) return use(Count<4>{});
  tokens >= 2 ? use(Count<2>{}) : use(Count<1>{});
}

template <class P>
static void run_tiles(const Stretch& run, const Unpacked& from, const PanelCut& cut) {
  const P source{.shape = BlockShape(run.panels()), .from = from};
  const int64_t stretch = cut.groups * source.shape.blocks * cut.lines * 64;  // bytes that a strip fetches
  const int64_t group = source.shape.group;
  const uint8_t* ahead = cut.ahead;
  for (int64_t t = run.first; t < run.last;) {
    with_tile(run.last - t, [&](auto count) {
      constexpr int T = decltype(count)::value, V = TILE_VECTORS;
      const TileInputs<T> tile = tile_inputs<P, T>(source, run, t, cut.first * group, cut.groups * group);
      for (int v0 = 0; v0 < WHOLE; v0 += V, ahead += stretch) strip<P, T, V>(source, run, cut, tile, t, v0, ahead);
      t += T;
    });
  }
}

template <bool BIASED>
static void run_cut(const Stretch& run, const Unpacked& from, const PanelCut& cut) {
  const CodePanels& panels = run.panels();
  if (panels.zero == ZERO_NONE)
    return panels.stepped ? run_tiles<UnpackedBlocks<BIASED, true, false>>(run, from, cut) : run_tiles<UnpackedBlocks<BIASED, false, false>>(run, from, cut);
  return panels.stepped ? run_tiles<UnpackedBlocks<BIASED, true, true>>(run, from, cut) : run_tiles<UnpackedBlocks<BIASED, false, true>>(run, from, cut);
}

void run_unpacked(const Stretch& run) {
  const CodePanels& panels = run.panels();
  Unpacked unpacked;  // scratch: unpack writes what is read
  PanelPlace at(panels, panel_of(panels, run.part.weight, run.in.width, run.panel));
  const int64_t strips = (run.last - run.first + TILE_TOKENS - 1) / TILE_TOKENS * (WHOLE / TILE_VECTORS);
  for (int64_t k = 0; k < run.in.width; k += CUT) {
    const int64_t inputs = run.in.width - k < CUT ? run.in.width - k : CUT;
    unpack(panels, reinterpret_cast<const uint8_t*>(run.part.weight), at, inputs, unpacked);
    const int64_t packed = groups_bytes(panels, inputs), blocks = inputs / panels.group;
    const PanelCut cut{.first = k / panels.input_group, .groups = inputs / panels.input_group, .last = k + inputs == run.in.width,
                       .ahead = at.block, .lines = packed / 64 / (strips * blocks)};
    // Where unsigned bytes can be multiplied, both kinds are the same.
    biased(panels) && Products<true>::bias ? run_cut<true>(run, unpacked, cut) : run_cut<false>(run, unpacked, cut);
  }
}

}  // namespace
