// Runs a program for one step.
#pragma once
#include "kernels.h"
#include "pool.h"

// Every index of the step that a kernel would follow, so that a wrong one is an error and not a crash. `where` receives the
// offending row, entry or sequence. Fills program.row_sequence.
Fault check(const Program& program, const Step& step, int64_t* where);

// `opened`, where not null, receives the time at which each phase began (copies, then the instructions) and the end, in
// nanoseconds: instruction_count + 2 numbers.
void run(const Kernels& kernels, Pool& pool, const Program& program, const Step& step, int64_t* opened = nullptr);
