#include "run.h"

#include <chrono>
#include <cstring>

namespace {

// Cuts the step's rows into groups of one sequence each. Adds up in 64 bits: a step may look back far and often.
void share_out(const Step& step) {
  Attending& attending = *step.attending;
  int64_t chunks = 0, sums = 0;
  attending.groups = 0;
  for (int32_t s = 0; s < step.sequences; ++s)
    for (int32_t r = step.starts[s]; r < step.starts[s + 1]; r += GROUP_ROWS) {
      const int32_t left = step.starts[s + 1] - r, count = left < GROUP_ROWS ? left : GROUP_ROWS;
      int32_t last = 0;
      for (int32_t i = r; i < r + count; ++i) last = step.positions[i] > last ? step.positions[i] : last;
      const int32_t seen = last / CHUNK + 1;
      attending.group[attending.groups++] = {r, count, seen, int32_t(chunks), int32_t(sums), 0};
      chunks += seen;
      sums += int64_t(seen) * count;
    }
  attending.split = chunks > attending.groups && sums <= attending.room;
  attending.chunks = attending.split ? int32_t(chunks) : 0;
}

Fault check_sequences(const Program& program, const Step& step, int64_t* where) {
  *where = 0;
  if (step.starts[0] != 0 || step.table_starts[0] != 0) return BAD_STARTS;
  for (int32_t s = 0; s < step.sequences; ++s) {
    *where = s;
    const int32_t first = step.starts[s], last = step.starts[s + 1];
    const int32_t table = step.table_starts[s], table_end = step.table_starts[s + 1];
    if (last < first || last > step.tokens_count || table_end < table || table_end > step.tables_count) return BAD_STARTS;
    for (int32_t r = first; r < last; ++r) {
      *where = r;
      if (step.positions[r] < 0) return NEGATIVE_POSITION;
      if (step.positions[r] / BLOCK >= table_end - table) return TABLE_TOO_SHORT;
      program.row_sequence[r] = s;
    }
  }
  *where = step.sequences;
  share_out(step);
  return step.starts[step.sequences] == step.tokens_count ? STEP_OK : BAD_STARTS;
}

bool outside(int32_t value, int32_t end) { return value < 0 || value >= end; }

// A row whose logits and whose states are wanted is there twice; each kind ascends.
Fault check_wanted(const Program& program, const Step& step, int64_t* where) {
  *where = step.wanted_count;
  if (step.wanted_count > program.max_tokens) return TOO_MANY_ROWS;
  for (*where = 0; *where < step.wanted_count; ++*where) {
    const bool first = *where == 0 || *where == step.logits_count;
    if (outside(step.wanted[*where], step.tokens_count)) return ROW_OUTSIDE_STEP;
    if (!first && step.wanted[*where] <= step.wanted[*where - 1]) return ROW_OUTSIDE_STEP;
  }
  return STEP_OK;
}

}  // namespace

Fault check(const Program& program, const Step& step, int64_t* where) {
  *where = step.tokens_count;
  if (step.tokens_count > program.max_tokens) return TOO_MANY_TOKENS;
  if (const Fault fault = check_sequences(program, step, where)) return fault;
  for (*where = 0; *where < step.tokens_count; ++*where)
    if (outside(step.tokens[*where], program.vocab)) return TOKEN_OUTSIDE_VOCABULARY;
  for (*where = 0; *where < step.tables_count; ++*where)
    if (outside(step.tables[*where], program.blocks)) return BLOCK_OUTSIDE_CACHE;
  for (*where = 0; *where < 2 * int64_t(step.copies_count); ++*where)
    if (outside(step.copies[*where], program.blocks)) return BLOCK_OUTSIDE_CACHE;
  return check_wanted(program, step, where);
}

namespace {

struct Run {
  const Kernels& kernels;
  const Program& program;
  const Step& step;
  int64_t* opened;
};

int64_t nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void copy_blocks(const Program& program, const Step& step, int64_t layer) {
  const LayerCache& cache = program.layers[layer];
  auto* blocks = reinterpret_cast<char*>(cache.address);
  for (int32_t c = 0; c < step.copies_count; ++c)
    std::memmove(blocks + step.copies[2 * c + 1] * cache.block_stride, blocks + step.copies[2 * c] * cache.block_stride, cache.block_bytes);
}

// Phase 0 copies blocks, phase i + 1 is instruction i.
int64_t items(const void* argument, int phase) {
  const auto& [kernels, program, step, opened] = *static_cast<const Run*>(argument);
  if (opened) opened[phase] = nanoseconds();
  if (phase == 0) return step.copies_count ? program.layer_count : 0;
  const Instruction& in = program.instructions[phase - 1];
  return kernels.ops[in.op].items(program, step, in);
}

void execute(const void* argument, int phase, int64_t item) {
  const auto& [kernels, program, step, opened] = *static_cast<const Run*>(argument);
  if (phase == 0) return copy_blocks(program, step, item);
  const Instruction& in = program.instructions[phase - 1];
  kernels.ops[in.op].execute(program, step, in, item);
}

}  // namespace

void run(const Kernels& kernels, Pool& pool, const Program& program, const Step& step, int64_t* opened) {
  program.buffers[program.logits_buffer].data = reinterpret_cast<uint64_t>(step.logits);
  program.buffers[program.states_buffer].data = reinterpret_cast<uint64_t>(step.states);
  const Run argument{kernels, program, step, opened};
  pool.run({program.instruction_count + 1, items, execute, &argument});
  if (opened) opened[program.instruction_count + 1] = nanoseconds();
}
