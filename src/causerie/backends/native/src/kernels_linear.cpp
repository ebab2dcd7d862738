// x · weightᵀ + bias, where x is a row or a piece of one. A weight lies in panels of 64 output rows with k outermost (kernels_pack.cpp), so that a panel is one
// stream in the order it is used. Every output is ONE chain of multiply-adds over k in order, with the bias added last:
// the same bits for one token or many, however tokens are grouped and k is cut. Quantized weights: kernels_integer.cpp,
// kernels_blocks.cpp, kernels_codes.cpp and kernels_small_floats.cpp.
#include "dispatch.h"
#include "linear.h"
#include "packed.h"
#include "widened_few.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t FEWEST = 96, MOST = 516;  // tokens of one item, which read (and unpack) the panel once; whole tiles
constexpr int64_t ITEMS_PER_THREAD = 16;    // that all threads end at about the same time
constexpr int64_t STEPS = 1024;    // steps over k before the next tile: 256 KB of weights stay in the second cache
constexpr int64_t FEW = WIDENS ? 1 : 6, PASSES = VECTORS > 1 ? 4 : 1;  // tokens that a packed panel is unpacked for in registers, and how often
constexpr int64_t UNPACKED = 448;  // steps of packed bfloat16 that are unpacked at a time for many tokens: 112 KB

// A format: what one step over k reads, `each` elements of k; `tokens` at most in a tile.
struct Float32 {
  using Weight = float;
  using Input = float;
  using Lanes = f32x16;
  static constexpr int each = 1;
  static constexpr int tokens = TOKENS;
  static inline Lanes weights(const Weight* p) { return load(p); }
  static inline Lanes input(const Input* p) { return broadcast(*p); }
  static inline f32x16 accumulate(f32x16 acc, const Lanes& w, const Lanes& x) { return fma(w, x, acc); }
};
struct Float16 : Float32 {
  using Weight = uint16_t;
  static inline Lanes weights(const Weight* p) { return load_f16(p); }
};
struct Bfloat16 {
  using Weight = uint16_t;
  using Input = uint16_t;
  using Lanes = Pairs;
  static constexpr int each = 2;
  static constexpr int tokens = PAIR_TOKENS;
  static inline Lanes weights(const Weight* p) { return load_pairs(p); }
  static inline Lanes input(const Input* p) { return broadcast_pair(p); }
  static inline f32x16 accumulate(f32x16 acc, const Lanes& w, const Lanes& x) { return dot2(acc, w, x); }
};

// What a tile works on: one panel, a run of steps over k, a few tokens.
struct Tile {
  const void* weight = nullptr;  // the panel at the first step
  const char* ahead = nullptr;   // what to fetch meanwhile, as many bytes as are read of the weight
  const void* input = nullptr;   // first token at the first step
  int64_t input_stride = 0;      // bytes between tokens
  float* out = nullptr;          // first token, first row of the panel
  int64_t out_stride = 0;        // floats between tokens
  int64_t steps = 0;
  int64_t rows = 0;              // of the panel that exist, 1 .. 64
  const float* bias = nullptr;   // of the panel, added when not null
  bool first = false;            // starts the chains; else they go on from out
};

// V vectors of rows (from row 16·v0 of the panel) by T tokens.
template <class F, int T, int V, bool FROM_MEMORY>
static inline void strip(const Tile& tile, int v0) {
  using W = typename F::Weight;
  using X = typename F::Input;
  f32x16 acc[T][V];
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v)
      acc[t][v] = begin_sums(tile.out + t * tile.out_stride + 16 * (v0 + v), tile.first, tile.rows - 16 * (v0 + v));
  const W* weight = static_cast<const W*>(tile.weight) + 16 * v0 * F::each;
  const char* ahead = tile.ahead + 16 * v0 * F::each * sizeof(W);
  const X* input[T];
  for (int t = 0; t < T; ++t)
    input[t] = reinterpret_cast<const X*>(static_cast<const char*>(tile.input) + t * tile.input_stride);
  for (int64_t s = 0; s < tile.steps; ++s) {
    if (FROM_MEMORY)
      for (unsigned i = 0; i < 16 * V * F::each * sizeof(W); i += 64) __builtin_prefetch(ahead + i);
    typename F::Lanes lanes[V];
    for (int v = 0; v < V; ++v) lanes[v] = F::weights(weight + 16 * v * F::each);
    for (int t = 0; t < T; ++t) {
      const typename F::Lanes x = F::input(input[t] + s * F::each);
      for (int v = 0; v < V; ++v) acc[t][v] = F::accumulate(acc[t][v], lanes[v], x);
    }
    weight += PANEL * F::each;
    ahead += PANEL * F::each * sizeof(W);
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) {
      const int64_t at = 16 * (v0 + v);
      if (tile.bias) acc[t][v] = add(acc[t][v], load(tile.bias + at));
      if (tile.rows > at) store_first(tile.out + t * tile.out_stride + at, acc[t][v], tile.rows - at);
    }
}

template <class F, int T, bool FROM_MEMORY>
static void run_tile(const Tile& tile) {
  constexpr int V = T == 1 ? 4 : VECTORS;
  for (int v0 = 0; v0 < 4; v0 += V) strip<F, T, V, FROM_MEMORY>(tile, v0);
}

template <class F>
static inline int64_t all_steps(const Stretch& run) { return (run.in.width + F::each - 1) / F::each; }

// Steps s .. s + steps of a stretch, which lie at `weight`. The first tile fetches `ahead`, where that is not null.
template <class F>
static inline void run_steps(const Stretch& run, const typename F::Weight* weight, int64_t s, int64_t steps, const void* ahead) {
  Tile tile{
      .weight = weight,
      .ahead = static_cast<const char*>(ahead),
      .input_stride = run.program.buffers[run.in.x].stride,
      .out_stride = run.out_stride(),
      .steps = steps,
      .rows = run.rows(),
      .bias = s + steps == all_steps<F>(run) ? run.bias() : nullptr,
      .first = s == 0,
  };
  for (int64_t t = run.first; t < run.last; t += F::tokens) {
    tile.input = run.input<typename F::Input>(t) + s * F::each;
    tile.out = run.out(t);
    with_count<F::tokens>(run.last - t, [&](auto tokens) {
      constexpr int T = decltype(tokens)::value;
      ahead && t == run.first ? run_tile<F, T, true>(tile) : run_tile<F, T, false>(tile);
    });
  }
}

template <class F>
static void run_plain(const Stretch& run, const typename F::Weight* weight) {
  const int64_t all = all_steps<F>(run), cut = run.last - run.first > F::tokens ? STEPS : all;
  for (int64_t s = 0; s < all; s += cut) {
    const auto* from = weight + s * PANEL * F::each;
    run_steps<F>(run, from, s, s + cut < all ? cut : all - s, reinterpret_cast<const char*>(from) + AHEAD);
  }
}

template <class F>
static void run_plain(const Stretch& run) {
  run_plain<F>(run, reinterpret_cast<const typename F::Weight*>(run.part.weight) + run.panel * all_steps<F>(run) * PANEL * F::each);
}

// Few tokens, from `begin` on: each step is unpacked in registers, by the way; steps with escapes through memory.
template <int T>
static __attribute__((noinline)) void run_packed_few(const Stretch& run, const PackedPanel& panel, int64_t begin) {
  const Exponents exponents = load_exponents(panel.exponents);
  const uint8_t* step = reinterpret_cast<const uint8_t*>(panel.data);
  const Escape* escape = reinterpret_cast<const Escape*>(panel.escapes);
  const Escape* const last = escape + panel.escape_count;
  const int64_t all = all_steps<Bfloat16>(run);
  f32x16 acc[T][4];
  const uint16_t* input[T];
  for (int t = 0; t < T; ++t) {
    input[t] = run.input<uint16_t>(begin + t);
    for (int v = 0; v < 4; ++v) acc[t][v] = broadcast(0.0f);
  }
  for (int64_t s = 0; s < all; ++s, step += PACKED_STEP) {
    const int64_t until = escape < last ? int64_t(escape->at / STEP_WEIGHTS) : all;
    for (; s < until; ++s, step += PACKED_STEP) {
      for (int64_t i = 0; i < PACKED_STEP; i += 64) __builtin_prefetch(step + AHEAD + i);
      for (int v = 0; v < 4; ++v) {
        const Pairs w = unpack_pairs(step, v, exponents);
        for (int t = 0; t < T; ++t) acc[t][v] = dot2(acc[t][v], w, broadcast_pair(input[t] + 2 * s));
      }
    }
    if (s == all) break;
    alignas(64) uint16_t plain[STEP_WEIGHTS];
    unpack_step(step, exponents, plain);
    for (; escape < last && int64_t(escape->at / STEP_WEIGHTS) == s; ++escape) plain[escape->at % STEP_WEIGHTS] = uint16_t(escape->value);
    for (int v = 0; v < 4; ++v)
      for (int t = 0; t < T; ++t) acc[t][v] = dot2(acc[t][v], load_pairs(plain + 32 * v), broadcast_pair(input[t] + 2 * s));
  }
  const int64_t rows = run.rows();
  for (int t = 0; t < T; ++t)
    for (int64_t at = 0; at < rows; at += 16) {
      const f32x16 value = run.bias() ? add(acc[t][at / 16], load(run.bias() + at)) : acc[t][at / 16];
      store_first(run.out(begin + t) + at, value, rows - at);
    }
}

// Many tokens: some steps at a time are unpacked into the second cache, to be read by all.
static void run_packed_many(const Stretch& run, const PackedPanel& panel) {
  alignas(64) uint16_t unpacked[UNPACKED * STEP_WEIGHTS];
  const int64_t all = all_steps<Bfloat16>(run);
  for (int64_t s = 0; s < all; s += UNPACKED) {
    const int64_t steps = s + UNPACKED < all ? UNPACKED : all - s;
    unpack_steps(panel, s, steps, unpacked);
    run_steps<Bfloat16>(run, unpacked, s, steps, reinterpret_cast<const char*>(panel.data) + (s + steps) * PACKED_STEP);
  }
}

// The same as float32, which `widen` makes of so many steps from one on.
template <class Widen>
static void run_widened(const Stretch& run, const Widen& widen) {
  Widened widened;  // scratch: what is read is written before
  const int64_t all = all_steps<Bfloat16>(run), tokens = run.last - run.first, tiles = (tokens + TOKENS - 1) / TOKENS;
  Tile tile{.weight = widened.weights, .input = widened.inputs, .input_stride = sizeof widened.inputs[0], .out_stride = run.out_stride(), .rows = run.rows()};
  for (int64_t s = 0; s < all; s += WIDENED) {
    const int64_t steps = s + WIDENED < all ? WIDENED : all - s;
    widen(s, steps, widened.weights);
    tile.steps = 2 * steps;
    tile.bias = s + steps == all ? run.bias() : nullptr;
    tile.first = s == 0;
    for (int64_t i = 0; i < tiles; ++i) {  // all of nearly as many tokens, since one of two would wait for its sums
      const int64_t begin = run.first + tokens * i / tiles, end = run.first + tokens * (i + 1) / tiles;
      tile.out = run.out(begin);
      with_count<TOKENS>(end - begin, [&](auto count) {
        constexpr int T = decltype(count)::value;
        for (int t = 0; t < T; ++t) widen_inputs(run.input<uint16_t>(begin + t) + 2 * s, steps, widened.inputs[t]);
        run_tile<Float32, T, false>(tile);
      });
    }
  }
}

static void run_brains(const Stretch& run, const uint16_t* weight) {
  const int64_t tokens = run.last - run.first;
  if (!WIDENS || tokens == 1) return run_plain<Bfloat16>(run, weight);
  if (tokens <= MOST_FEW) return run_widened_few(run, PlainSteps{weight}, all_steps<Bfloat16>(run));
  run_widened(run, [&](int64_t first, int64_t count, float* to) { widen_plain(weight + first * STEP_WEIGHTS, count, to); });
}

static void run_packed(const Stretch& run) {
  const PackedPanel& panel = reinterpret_cast<const PackedPanel*>(run.part.weight)[run.panel];
  if (panel.plain) return run_brains(run, reinterpret_cast<const uint16_t*>(panel.data));
  const int64_t tokens = run.last - run.first, passes = (tokens + FEW - 1) / FEW;
  if (tokens > 1 && tokens <= MOST_FEW) return run_widened_few(run, PackedSteps(panel), all_steps<Bfloat16>(run));
  if (passes > PASSES && WIDENS) return run_widened(run, [&](int64_t first, int64_t count, float* to) { widen_packed(panel, first, count, to); });
  if (passes > PASSES) return run_packed_many(run, panel);
  for (int64_t pass = 0; pass < passes; ++pass) {
    const int64_t begin = run.first + tokens * pass / passes;
    const int64_t end = run.first + tokens * (pass + 1) / passes;
    with_count<FEW>(end - begin, [&](auto few) { run_packed_few<decltype(few)::value>(run, panel, begin); });
  }
}

static inline int64_t part_panels(const Part& part) { return (part.rows + PANEL - 1) / PANEL; }

static inline const Part* parts_of(const Program& program, const Instruction& in) { return program.parts + in.first_part; }

static inline int64_t all_panels(const Program& program, const Instruction& in) {
  int64_t panels = 0;
  for (int i = 0; i < in.part_count; ++i) panels += part_panels(parts_of(program, in)[i]);
  return panels;
}

// How a linear is cut into items: panels, or halves of them where they are few, for all tokens or for groups of them.
struct Cut {
  int64_t panels, pieces, tokens, group, groups;

  Cut(const Program& program, const Step& step, const Instruction& in)
      : panels(all_panels(program, in)), pieces(1), tokens(row_count(step, in)), group(FEWEST), groups(1) {
    const int64_t enough = ITEMS_PER_THREAD * program.threads;
    bool halves = panels < 2 * enough;
    for (int i = 0; halves && i < in.part_count; ++i) {
      const Part& part = parts_of(program, in)[i];
      halves = part.format == CODES && splits(program.panels[part.panels], tokens);
    }
    if (halves) pieces = 2;
    if (tokens <= FEWEST) return;
    const int64_t wanted = (enough + panels * pieces - 1) / (panels * pieces);
    const int64_t even = ((tokens + wanted - 1) / wanted + 11) / 12 * 12;
    group = even < FEWEST ? FEWEST : even > MOST ? MOST : even;
    groups = (tokens + group - 1) / group;
  }
};

// int8 and int4 of our own have kernels of their own.
static void run_quantized(const Stretch& run) {
  const CodePanels& panels = run.panels();
  if (!panels.input_group) return panels.tabled == E4M3_TABLE ? run_small_floats(run) : run_codes(run);
  const bool int8 = panels.scale == SCALE_BFLOAT16 && panels.zero == ZERO_NONE && panels.bits == 8 && panels.center == 128 && panels.group == panels.input_group;
  int8 || panels.scale == SCALE_BYTE ? run_integers(run) : run_blocks(run);
}

static void run_stretch(const Stretch& run) {
  switch (run.part.format) {
    case FLOAT32: return run_plain<Float32>(run);
    case FLOAT16: return run_plain<Float16>(run);
    case BFLOAT16:
      return run.part.layout == PACKED ? run_packed(run) : run_brains(run, reinterpret_cast<const uint16_t*>(run.part.weight) + run.panel * all_steps<Bfloat16>(run) * STEP_WEIGHTS);
    default: return run_quantized(run);
  }
}

static int64_t linear_items(const Program& program, const Step& step, const Instruction& in) {
  const Cut cut(program, step, in);
  return cut.tokens ? cut.panels * cut.pieces * cut.groups : 0;
}

static void linear_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const Cut cut(program, step, in);
  const int64_t piece = item / cut.groups % cut.pieces, first = item % cut.groups * cut.group;
  int64_t panel = item / (cut.groups * cut.pieces);
  const Part* part = parts_of(program, in);
  for (; panel >= part_panels(*part); ++part) panel -= part_panels(*part);
  const int vectors = int(WHOLE / cut.pieces);
  run_stretch({program, in, *part, panel, first, first + cut.group < cut.tokens ? first + cut.group : cut.tokens, int(piece) * vectors, vectors});
}

// How the matrix of an expert is cut into items: panels, for the rows that go to this expert or for groups of them. None
// where no row does, so that nothing of it is read.
struct ExpertCut {
  int64_t first, last, groups, items;

  ExpertCut(const Program& program, const Part& part)
      : first(program.expert_starts[part.expert]),
        last(program.expert_starts[part.expert + 1]),
        groups((last - first + MOST - 1) / MOST),
        items(groups * part_panels(part)) {}
};

// Also notes where the items of each part begin: there are hundreds of parts, and few of them have any.
static int64_t expert_items(const Program& program, const Step&, const Instruction& in) {
  int32_t* first = program.expert_items;
  first[0] = 0;
  for (int i = 0; i < in.part_count; ++i) first[i + 1] = first[i] + int32_t(ExpertCut(program, parts_of(program, in)[i]).items);
  return first[in.part_count];
}

static void expert_item(const Program& program, const Step&, const Instruction& in, int64_t item) {
  int32_t low = 0, high = in.part_count;  // the last part that begins at this item or before
  while (high - low > 1) {
    const int32_t middle = (low + high) / 2;
    (program.expert_items[middle] <= item ? low : high) = middle;
  }
  item -= program.expert_items[low];
  const Part& part = parts_of(program, in)[low];
  const ExpertCut cut(program, part);
  const int64_t first = cut.first + item % cut.groups * MOST;
  run_stretch({program, in, part, item / cut.groups, first, first + MOST < cut.last ? first + MOST : cut.last});
}

const OpKernel linear = {linear_items, linear_item};
const OpKernel expert_linear = {expert_items, expert_item};

}  // namespace
