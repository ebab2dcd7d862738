#include "run.h"

#include <chrono>
#include <cstring>

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
  const BlockTables& tables = step.tables[cache.tables];
  auto* blocks = reinterpret_cast<char*>(cache.address);
  for (int32_t c = 0; c < tables.copies_count; ++c)
    std::memmove(blocks + tables.copies[2 * c + 1] * cache.block_stride, blocks + tables.copies[2 * c] * cache.block_stride, cache.block_bytes);
}

bool copies(const Program& program, const Step& step) {
  for (int32_t g = 0; g < program.group_count; ++g)
    if (step.tables[g].copies_count) return true;
  return false;
}

// Phase 0 copies blocks, phase i + 1 is instruction i.
int64_t items(const void* argument, int phase) {
  const auto& [kernels, program, step, opened] = *static_cast<const Run*>(argument);
  if (opened) opened[phase] = nanoseconds();
  if (phase == 0) return copies(program, step) ? program.layer_count : 0;
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
