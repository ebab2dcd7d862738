// Runs a program for one step.
#pragma once
#include "kernels.h"
#include "pool.h"

// `opened`, where not null, receives the time at which each phase began (copies, then the instructions) and the end, in
// nanoseconds: instruction_count + 2 numbers.
void run(const Kernels& kernels, Pool& pool, const Program& program, const Step& step, int64_t* opened = nullptr);
