// Matrices of whole numbers in 4, 5, 6 or 8 bits, or that codes of 4 bits name, with scales of any kind: activations in 8 bits, and
// products summed up as whole numbers, exactly (block_sums.h). Few tokens read a panel once, from memory, and unpack it in
// registers; for more it is unpacked into the second cache (kernels_unpacked.cpp).
#include "block_panel.h"
#include "dispatch.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int PASS = 4;  // tokens of one pass over a panel

// A whole panel for few tokens. Where V is less than all of its vectors, they take turns group by group, so that the arithmetic
// hides under the reading; the sums wait in the first cache meanwhile.
template <class P, int T, int V>
static __attribute__((noinline)) void few(const Stretch& run, int64_t token) {
  const CodePanels& panels = run.panels();
  const P source(panels, reinterpret_cast<const uint8_t*>(run.part.weight));
  f32x16 out[WHOLE / V][T][V];
  for (int v0 = 0; v0 < WHOLE; v0 += V)
    for (int t = 0; t < T; ++t)
      for (int v = 0; v < V; ++v) out[v0 / V][t][v] = broadcast(0.0f);
  PanelPlace at(panels, panel_of(panels, run.part.weight, run.in.width, run.panel));
  for (int64_t cut = 0; cut < run.in.width; cut += CUT) {
    const int64_t inputs = run.in.width - cut < CUT ? run.in.width - cut : CUT;
    const TileInputs<T> tile = tile_inputs<P, T>(source, run, token, cut, inputs);
    at.cut = {};
    for (int64_t k = 0; k < inputs; k += panels.input_group) {
      at.enter(panels, k);
      for (int v0 = 0; v0 < WHOLE; v0 += V) add_group<P, T, V>(source, at, v0, tile, out[v0 / V]);
      at.leave();
    }
  }
  for (int v0 = 0; v0 < WHOLE; v0 += V) finish_sums<T, V>(run, token, v0, out[v0 / V]);
}

template <class P>
static void run_source(const Stretch& run) {
  const int64_t tokens = run.last - run.first, passes = (tokens + PASS - 1) / PASS;
  for (int64_t pass = 0; pass < passes; ++pass) {  // all but the first read it from the second cache
    const int64_t begin = run.first + tokens * pass / passes, end = run.first + tokens * (pass + 1) / passes;
    with_count<PASS>(end - begin, [&](auto count) {
      constexpr int T = decltype(count)::value;
      constexpr int V = T == 1 ? WHOLE : T > 2 && VECTORS > 2 ? 2 : VECTORS;
      few<P, T, V>(run, begin);
    });
  }
}

template <class C>
static void run_scaled(const Stretch& run) {
  if (run.panels().zero == ZERO_NONE) run_source<Panel<C, false, false>>(run);
  else run_source<Panel<C, false, true>>(run);
}

// Those pairs of codes and steps that formats have.
static void run_stepped(const Stretch& run) {
  const bool lows = run.panels().zero != ZERO_NONE;
  if (run.panels().tabled) return run_source<Panel<NamedBits<true>, true, false>>(run);
  switch (run.panels().bits) {
    case 4: return lows ? run_source<Panel<FourBits, true, true>>(run) : run_source<Panel<FourBits, true, false>>(run);
    case 5: return run_source<Panel<FiveBits, true, true>>(run);
    default: return run_source<Panel<SixBits, true, false>>(run);
  }
}

void run_blocks(const Stretch& run) {
  const CodePanels& panels = run.panels();
  if (run.last - run.first > FEW_ROWS) return run_unpacked(run);
  if (panels.stepped) return run_stepped(run);
  if (panels.tabled) return biased(panels) ? run_source<Panel<NamedBits<true>, false, false>>(run) : run_source<Panel<NamedBits<false>, false, false>>(run);
  switch (panels.bits) {
    case 4: return run_scaled<FourBits>(run);
    case 5: return run_scaled<FiveBits>(run);
    case 6: return run_scaled<SixBits>(run);
    default: return run_scaled<EightBits>(run);
  }
}

}  // namespace
