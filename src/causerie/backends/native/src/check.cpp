#include "check.h"

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

bool outside(int32_t value, int32_t end) { return value < 0 || value >= end; }

Fault check_sequences(const Program& program, const Step& step, int64_t* where) {
  *where = 0;
  if (step.starts[0] != 0) return BAD_STARTS;
  for (int32_t s = 0; s < step.sequences; ++s) {
    *where = s;
    const int32_t first = step.starts[s], last = step.starts[s + 1];
    if (last < first || last > step.tokens_count) return BAD_STARTS;
    for (int32_t r = first; r < last; ++r) {
      *where = r;
      if (step.positions[r] < 0) return NEGATIVE_POSITION;
      program.row_sequence[r] = s;
    }
  }
  *where = step.sequences;
  share_out(step);
  return step.starts[step.sequences] == step.tokens_count ? STEP_OK : BAD_STARTS;
}

// The first entry of a sequence's table that some row of it sees, where `blocks` is the length of the table.
int32_t first_seen(const PageGroup& group, const Step& step, int32_t s, int32_t blocks) {
  if (!group.window) return 0;
  if (step.starts[s] == step.starts[s + 1]) return blocks;
  int32_t position = step.positions[step.starts[s]];
  for (int32_t r = step.starts[s]; r < step.starts[s + 1]; ++r) position = step.positions[r] < position ? step.positions[r] : position;
  return position < group.window ? 0 : (position - group.window + 1) / BLOCK;
}

// `where` counts sequences, and the end of the last one, through all groups; entries too, `before` being those of the groups
// before.
Fault check_table(const Program& program, const Step& step, int32_t g, int64_t before, int64_t* where) {
  const BlockTables& tables = step.tables[g];
  const PageGroup& group = program.groups[g];
  *where = int64_t(g) * (step.sequences + 1);
  if (tables.starts[0] != 0) return BAD_TABLE_STARTS;
  for (int32_t s = 0; s < step.sequences; ++s) {
    const int32_t first = tables.starts[s], last = tables.starts[s + 1];
    *where = int64_t(g) * (step.sequences + 1) + s;
    if (last < first || last > tables.blocks_count) return BAD_TABLE_STARTS;
    for (*where = step.starts[s]; *where < step.starts[s + 1]; ++*where)
      if (step.positions[*where] / BLOCK >= last - first) return TABLE_TOO_SHORT;
    const int32_t seen = first_seen(group, step, s, last - first);
    for (int32_t e = first; e < last; ++e) {
      *where = before + e;
      if (outside(tables.blocks[e], group.blocks) && !(tables.blocks[e] == -1 && e - first < seen)) return BLOCK_OUTSIDE_CACHE;
    }
  }
  return STEP_OK;
}

// `where` counts the numbers of the copies through all groups.
Fault check_tables(const Program& program, const Step& step, int64_t* where) {
  int64_t before = 0;
  for (int32_t g = 0; g < program.group_count; before += step.tables[g].blocks_count, ++g)
    if (const Fault fault = check_table(program, step, g, before, where)) return fault;
  *where = 0;
  for (int32_t g = 0; g < program.group_count; ++g)
    for (int32_t c = 0; c < 2 * step.tables[g].copies_count; ++c, ++*where)
      if (outside(step.tables[g].copies[c], program.groups[g].blocks)) return COPY_OUTSIDE_CACHE;
  return STEP_OK;
}

// What a sequence with rows writes, no other one writes or reads.
Fault check_slots(const Program& program, const Step& step, int64_t* where) {
  int32_t* writers = program.slot_writers;
  const auto each = [&](const auto& fault_of) {
    for (int32_t s = 0; s < step.sequences; ++s)
      if (*where = s; step.starts[s] < step.starts[s + 1])
        if (const Fault fault = fault_of(s, step.slots[2 * s], step.slots[2 * s + 1])) return fault;
    return STEP_OK;
  };
  if (!program.slots) return STEP_OK;
  Fault fault = each([&](int32_t, int32_t read, int32_t written) {
    if (read < -1 || read >= program.slots || outside(written, program.slots)) return SLOT_OUTSIDE_CACHE;
    if (read >= 0) writers[read] = -1;
    writers[written] = -1;
    return STEP_OK;
  });
  if (fault) return fault;
  fault = each([&](int32_t s, int32_t, int32_t written) {
    if (writers[written] >= 0) return SLOT_SHARED;
    writers[written] = s;
    return STEP_OK;
  });
  if (fault) return fault;
  return each([&](int32_t s, int32_t read, int32_t) { return read >= 0 && writers[read] >= 0 && writers[read] != s ? SLOT_SHARED : STEP_OK; });
}

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
  if (const Fault fault = check_tables(program, step, where)) return fault;
  if (const Fault fault = check_slots(program, step, where)) return fault;
  return check_wanted(program, step, where);
}
