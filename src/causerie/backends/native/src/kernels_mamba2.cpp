// The recurrence of Mamba-2: every head keeps a matrix, [length, head_dim] in a sequence's slot, which at each position
// shrinks, takes up x ⊗ B and is read by C.
//
// An item is some columns of a head's matrix and the rows of one sequence in order: it alone reads and writes that part of
// the sequence's slots. Rows are taken SOME at a time, and while they are, a few lines of the matrix stay in registers, so
// that the matrix is read and written once for all of them. What a row gives is summed up line by line, in one order, from
// numbers that depend on the sequence alone: on nothing beside it, nor on how it was cut.
#include "dispatch.h"
#include "functions.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int64_t SOME = 64;                   // rows that are taken together
constexpr int64_t COLUMNS = 64;                // of a head's matrix, in an item
constexpr int LINES = VECTORS == 4 ? 4 : 2;    // of the matrix that stay in registers

static inline int64_t slabs_of(const Instruction& in) { return (in.head_dim + COLUMNS - 1) / COLUMNS; }

// Some rows of a sequence as a head sees them: the share of its state that stays, what enters it, and what comes out.
struct Rows {
  int64_t count;
  const float *b, *c;  // of the first row
  int64_t stride;      // to those of the next
  alignas(64) float stays[SOME], steps[SOME];
  alignas(64) float entering[SOME][COLUMNS], result[SOME][COLUMNS];
};

static void take_steps(const Program& program, const Instruction& in, int64_t first, int64_t head, Rows& rows) {
  const f32x16 shift = broadcast(reinterpret_cast<const float*>(in.bias)[head]), scale = broadcast(in.scale);
  const f32x16 rate = sub(broadcast(0.0f), exp(broadcast(reinterpret_cast<const float*>(in.address)[head])));
  for (int64_t r = 0; r < rows.count; ++r) rows.steps[r] = row<float>(program, in.y, first + r)[head];
  for (int64_t r = 0; r < rows.count; r += 16) {
    const f32x16 raw = fma(load_first(rows.steps + r, rows.count - r), scale, shift);
    const f32x16 step = min(broadcast(in.limit), max(broadcast(in.eps), softplus(raw)));
    store(rows.steps + r, step);
    store(rows.stays + r, exp(mul(step, rate)));
  }
}

// What enters, step · x, and what goes past the state, skip · x.
static void take_rows(const Program& program, const Instruction& in, int64_t first, int64_t head, int64_t column, int64_t columns, Rows& rows) {
  const int64_t inner = int64_t(in.heads) * in.head_dim, group = head / (in.heads / in.groups) * in.length;
  const f32x16 skip = broadcast(reinterpret_cast<const float*>(in.factors)[head]);
  take_steps(program, in, first, head, rows);
  for (int64_t r = 0; r < rows.count; ++r) {
    const float* x = row<float>(program, in.x, first + r) + head * in.head_dim + column;
    for (int64_t p = 0; p < columns; p += 16) {
      const f32x16 value = load_first(x + p, columns - p);
      store(rows.entering[r] + p, mul(value, broadcast(rows.steps[r])));
      store(rows.result[r] + p, mul(value, skip));
    }
  }
  rows.b = row<float>(program, in.x, first) + inner + group;
  rows.c = rows.b + int64_t(in.groups) * in.length;
  rows.stride = program.buffers[in.x].stride / int64_t(sizeof(float));
}

// N lines of the matrix from number `line` on, of V vectors each, through all of the rows.
template <int N, int V>
static inline void pass(Rows& rows, int64_t line, f32x16 (&state)[N][V]) {
  const float *b = rows.b + line, *c = rows.c + line;
  for (int64_t r = 0; r < rows.count; ++r, b += rows.stride, c += rows.stride) {
    const f32x16 stays = broadcast(rows.stays[r]);
    f32x16 entering[V], result[V];
    for (int v = 0; v < V; ++v) entering[v] = load(rows.entering[r] + 16 * v), result[v] = load(rows.result[r] + 16 * v);
    for (int n = 0; n < N; ++n) {
      const f32x16 in = broadcast(b[n]), out = broadcast(c[n]);
      for (int v = 0; v < V; ++v) {
        state[n][v] = fma(in, entering[v], mul(stays, state[n][v]));
        result[v] = fma(out, state[n][v], result[v]);
      }
    }
    for (int v = 0; v < V; ++v) store(rows.result[r] + 16 * v, result[v]);
  }
}

// The same from the matrix as it lies before the rows, or null for one of zeros, to where it is to lie after them; that may
// be the same place. Lines are `width` apart, and `columns` of each are meant.
template <int N, int V>
static inline void pass_lines(Rows& rows, int64_t line, const float* before, float* after, int64_t width, int64_t columns) {
  f32x16 state[N][V];
  for (int n = 0; n < N; ++n)
    for (int v = 0; v < V; ++v)
      state[n][v] = before ? load_first(before + (line + n) * width + 16 * v, columns - 16 * v) : broadcast(0.0f);
  pass<N, V>(rows, line, state);
  for (int n = 0; n < N; ++n)
    for (int v = 0; v < V; ++v) store_first(after + (line + n) * width + 16 * v, state[n][v], columns - 16 * v);
}

template <int V>
static void pass_matrix(const Instruction& in, Rows& rows, const float* before, float* after, int64_t columns) {
  int64_t line = 0;
  for (; line + LINES <= in.length; line += LINES) pass_lines<LINES, V>(rows, line, before, after, in.head_dim, columns);
  for (; line < in.length; ++line) pass_lines<1, V>(rows, line, before, after, in.head_dim, columns);
}

static int64_t mamba2_items(const Program&, const Step& step, const Instruction& in) { return int64_t(step.sequences) * in.heads * slabs_of(in); }

static void mamba2_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const int64_t slabs = slabs_of(in), head = item / slabs % in.heads, sequence = item / slabs / in.heads;
  const int64_t begin = step.starts[sequence], end = step.starts[sequence + 1], column = item % slabs * COLUMNS;
  const int64_t columns = in.head_dim - column < COLUMNS ? in.head_dim - column : COLUMNS;
  const int64_t matrix = head * in.head_dim * in.length + column;
  const auto at = [&](int32_t index) { return slot(in, index) + matrix; };
  const float* before = step.slots[2 * sequence] < 0 ? nullptr : at(step.slots[2 * sequence]);
  Rows rows;
  for (int64_t first = begin; first < end; first += SOME) {
    rows.count = end - first < SOME ? end - first : SOME;
    take_rows(program, in, first, head, column, columns, rows);
    float* after = at(step.slots[2 * sequence + 1]);
    with_count<int(COLUMNS / 16)>((columns + 15) / 16, [&](auto vectors) { pass_matrix<decltype(vectors)::value>(in, rows, before, after, columns); });
    before = after;
    for (int64_t r = 0; r < rows.count; ++r) {
      float* out = row<float>(program, in.out, first + r) + head * in.head_dim + column;
      for (int64_t p = 0; p < columns; p += 16) store_first(out + p, load(rows.result[r] + p), columns - p);
    }
  }
}

const OpKernel mamba2 = {mamba2_items, mamba2_item};

}  // namespace
