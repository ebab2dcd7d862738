// A mixture of experts, but for its products (kernels_linear.cpp): which experts each row goes to, the rows copied together
// expert by expert, and the results summed up row by row. A row's experts, shares and sum depend on that row alone.
#include "functions.h"
#include "span.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

static int64_t row_items(const Program&, const Step& step, const Instruction& in) { return row_count(step, in); }

// The experts with the highest scores, in this order, of equal ones the first. All that are softmax's shares of all experts
// divided by the sum of the chosen are shares of the chosen alone: e^score over the sum of theirs.
static void route_row(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const float* scores = row<float>(program, in.x, item);
  Route* routes = row<Route>(program, in.out, item);
  for (int32_t e = 0, known = 0; e < in.width; ++e) {
    int32_t at = known;
    for (; at > 0 && scores[e] > scores[routes[at - 1].expert]; --at)
      if (at < in.active) routes[at] = routes[at - 1];
    if (at < in.active) routes[at].expert = e;
    if (known < in.active) ++known;
  }
  const float peak = scores[routes[0].expert];
  float total = 0.0f;
  for (int32_t i = 0; i < in.active; ++i) {
    alignas(64) float lanes[16];
    store(lanes, exp(broadcast(scores[routes[i].expert] - peak)));
    routes[i].share = lanes[0];
    total += lanes[0];
  }
  for (int32_t i = 0; i < in.active; ++i) routes[i].share /= total;
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

static void gather_row(const Program& program, const Step&, const Instruction& in, int64_t place) {
  __builtin_memcpy(row<void>(program, in.out, place), row<void>(program, in.x, program.place_rows[place]), uint64_t(in.length));
}

static void combine_span(const Program& program, const Step&, const Instruction& in, int64_t item) {
  const auto [r, first, last] = span(in, item);
  const Route* routes = row<Route>(program, in.y, r);
  float* out = row<float>(program, in.out, r);
  for (int64_t i = first; i < last; i += 16) {
    f32x16 sum = broadcast(0.0f);
    for (int32_t j = 0; j < in.active; ++j)
      sum = fma(broadcast(routes[j].share), load_first(row<float>(program, in.x, routes[j].place) + i, last - i), sum);
    store_first(out + i, sum, last - i);
  }
}

const OpKernel route = {row_items, route_row};
const OpKernel group = {one_item, group_rows};
const OpKernel gather = {row_items, gather_row};
const OpKernel combine = {span_items, combine_span};

}  // namespace
