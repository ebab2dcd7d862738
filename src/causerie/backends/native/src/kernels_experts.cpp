// A mixture of experts, but for its products (kernels_linear.cpp): which experts each row goes to, the rows copied together
// expert by expert, and the results summed up row by row. A row's experts, shares and sum depend on that row alone.
#include "fetch.h"
#include "functions.h"
#include "span.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

static int64_t row_items(const Program&, const Step& step, const Instruction& in) { return row_count(step, in); }

// What the score of each expert is worth, in order; a share of all, or each by itself.
static void weigh_scores(const Instruction& in, const float* scores, float* worth) {
  const f32x16 one = broadcast(1.0f);
  if (in.scoring == SCORING_SIGMOID) {
    for (int32_t e = 0; e < in.width; e += 16) store(worth + e, logistic_product(one, load_first(scores + e, in.width - e)));
    return;
  }
  float peak = scores[0], total = 0.0f;
  for (int32_t e = 1; e < in.width; ++e) peak = scores[e] > peak ? scores[e] : peak;
  for (int32_t e = 0; e < in.width; e += 16) store(worth + e, exp(sub(load_first(scores + e, in.width - e), broadcast(peak))));
  for (int32_t e = 0; e < in.width; ++e) total += worth[e];
  for (int32_t e = 0; e < in.width; e += 16) store(worth + e, div(load(worth + e), broadcast(total)));
}

// Of `count` ranks the `most` highest, in this order, of equal ones the first.
static void choose(const float* ranks, int32_t count, int32_t most, int32_t* chosen) {
  for (int32_t e = 0, known = 0; e < count; ++e) {
    int32_t at = known;
    for (; at > 0 && ranks[e] > ranks[chosen[at - 1]]; --at)
      if (at < most) chosen[at] = chosen[at - 1];
    if (at < most) chosen[at] = e;
    if (known < most) ++known;
  }
}

// Leaves the experts of those groups whose best count most, and puts the others last.
static void close_groups(const Instruction& in, float* ranks) {
  const int32_t size = in.width / in.groups;
  alignas(64) float sums[EXPERT_ROOM];
  int32_t best[EXPERT_ROOM], open[EXPERT_ROOM];
  bool closed[EXPERT_ROOM];
  for (int32_t g = 0; g < in.groups; ++g) {
    choose(ranks + g * size, size, in.best, best);
    sums[g] = 0.0f;
    for (int32_t i = 0; i < in.best; ++i) sums[g] += ranks[g * size + best[i]];
    closed[g] = true;
  }
  choose(sums, in.groups, in.open_groups, open);
  for (int32_t i = 0; i < in.open_groups; ++i) closed[open[i]] = false;
  for (int32_t e = 0; e < in.width; ++e)
    if (closed[e / size]) ranks[e] = -__builtin_inff();
}

// One after the other: the best of those that are left, with its share among those of them that are near it.
static void mix_row(const Instruction& in, const float* scores, Route* routes) {
  alignas(64) float worth[EXPERT_ROOM];
  bool gone[EXPERT_ROOM] = {};
  for (int32_t i = 0; i < in.active; ++i) {
    int32_t best = -1;
    for (int32_t e = 0; e < in.width; ++e)
      if (!gone[e] && (best < 0 || scores[e] > scores[best])) best = e;
    const float peak = scores[best];
    for (int32_t e = 0; e < in.width; ++e) {
      const float size = scores[e] < 0.0f ? -scores[e] : scores[e], larger = size > peak ? size : peak;
      worth[e] = gone[e] || (peak - scores[e]) / larger > in.limit ? -__builtin_inff() : scores[e] - peak;
    }
    for (int32_t e = 0; e < in.width; e += 16) store(worth + e, exp(load_first(worth + e, in.width - e)));
    float total = 0.0f;
    for (int32_t e = 0; e < in.width; ++e) total += worth[e];
    gone[best] = true;
    routes[i].expert = best;
    routes[i].share = 1.0f / total;
  }
}

// Where nothing else decides, experts are chosen by their scores: in the order of their worth, and told apart even where
// that is rounded to nothing, or to all.
static void route_row(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const float *scores = row<float>(program, in.x, item), *bias = reinterpret_cast<const float*>(in.bias);
  const float* factors = reinterpret_cast<const float*>(in.factors);
  Route* routes = row<Route>(program, in.out, item);
  if (in.scoring == SCORING_SPARSEMIXER) return mix_row(in, scores, routes);
  alignas(64) float worth[EXPERT_ROOM], ranks[EXPERT_ROOM];
  int32_t chosen[EXPERT_ROOM];
  weigh_scores(in, scores, worth);
  for (int32_t e = 0; e < in.width; ++e) ranks[e] = !bias && !in.groups ? scores[e] : bias ? worth[e] + bias[e] : worth[e];
  if (in.groups) close_groups(in, ranks);
  choose(ranks, in.width, in.active, chosen);
  float total = in.limit;
  for (int32_t i = 0; i < in.active; ++i) total += worth[chosen[i]];
  const float divisor = !in.divided ? 1.0f : total > in.eps ? total : in.eps;
  for (int32_t i = 0; i < in.active; ++i) {
    routes[i].expert = chosen[i];
    routes[i].share = worth[chosen[i]] / divisor * in.scale;
    if (factors) routes[i].share *= factors[chosen[i]];
  }
}

// One item, even where there are no rows: what an earlier instruction left behind must not be taken for theirs.
static int64_t one_item(const Program&, const Step&, const Instruction&) { return 1; }

// Gives each choice of each row a place: those of the first expert come first, each expert's in the order of rows.
static void group_rows(const Program& program, const Step& step, const Instruction& in, int64_t) {
  int32_t* starts = program.expert_starts;
  const int64_t rows = row_count(step, in);
  for (int32_t e = 0; e <= in.experts; ++e) starts[e] = 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int32_t i = 0; i < in.active; ++i) ++starts[row<Route>(program, in.x, r)[i].expert + 1];
  int64_t* choices = reinterpret_cast<int64_t*>(in.choices);
  for (int32_t e = 0; e < in.experts; ++e) choices[e] += starts[e + 1];
  for (int32_t e = 0; e < in.experts; ++e) starts[e + 1] += starts[e];
  for (int64_t r = 0; r < rows; ++r)
    for (int32_t i = 0; i < in.active; ++i) {
      Route& route = row<Route>(program, in.x, r)[i];
      route.place = starts[route.expert]++;  // which leaves where the next expert's begin
      program.place_rows[route.place] = int32_t(r);
    }
  for (int32_t e = in.experts; e > 0; --e) starts[e] = starts[e - 1];
  starts[0] = 0;
}

// Where experts stay in their file: has those read that rows go to, and such of the next layer as its router would choose by
// what this layer reads (the scores in y). Where they cannot be read no row goes anywhere.
static void fetch_rows(const Program& program, const Step& step, const Instruction& in, int64_t) {
  int32_t counts[EXPERT_ROOM], chosen[EXPERT_ROOM];
  bool ahead[EXPERT_ROOM] = {};
  for (int32_t e = 0; e < in.experts; ++e) counts[e] = program.expert_starts[e + 1] - program.expert_starts[e];
  for (int64_t r = 0; in.length && r < row_count(step, in); ++r) {
    choose(row<float>(program, in.y, r), in.length, in.active, chosen);
    for (int32_t i = 0; i < in.active; ++i) ahead[chosen[i]] = true;
  }
  if (fetch_experts(program.store, {in.offset, counts, in.experts, in.offset + in.experts, ahead, in.length})) return;
  for (int32_t e = 0; e <= in.experts; ++e) program.expert_starts[e] = 0;
}

static void gather_row(const Program& program, const Step&, const Instruction& in, int64_t place) {
  __builtin_memcpy(row<void>(program, in.out, place), row<void>(program, in.x, program.place_rows[place]), uint64_t(in.length));
}

// Each choice's row, times its share: an item is a choice, and rows lie by place.
static void share_row(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const Route& route = row<Route>(program, in.y, item / in.active)[item % in.active];
  float* x = row<float>(program, in.x, route.place);
  for (int64_t i = 0; i < in.width; ++i) x[i] *= route.share;
}

static void combine_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  const Route* routes = row<Route>(program, in.y, r);
  float* out = row<float>(program, in.out, r);
  for (int64_t i = first; i < last; i += 16) {
    f32x16 sum = broadcast(0.0f);
    for (int32_t j = 0; j < in.active; ++j)
      sum = fma(broadcast(in.plain ? 1.0f : routes[j].share), load_first(row<float>(program, in.x, routes[j].place) + i, last - i), sum);
    store_first(out + i, sum, last - i);
  }
}

// What is shared, times the sigmoid of its score.
static void weigh_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  const f32x16 weight = logistic_product(broadcast(1.0f), broadcast(*row<float>(program, in.y, r)));
  const float* x = row<float>(program, in.x, r);
  float* out = row<float>(program, in.out, r);
  for (int64_t i = first; i < last; i += 16) store_first(out + i, mul(load_first(x + i, last - i), weight), last - i);
}

const OpKernel route = {row_items, route_row};
const OpKernel group = {one_item, group_rows};
const OpKernel fetch = {one_item, fetch_rows};
const OpKernel gather = {row_items, gather_row};
const OpKernel share = {row_items, share_row};
const OpKernel combine = {span_items, combine_span};
const OpKernel weigh_rows = {span_items, weigh_span};

}  // namespace
