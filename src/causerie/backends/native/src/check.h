// Whether a step fits a program.
#pragma once
#include "abi.h"

// Every index of the step that a kernel would follow, so that a wrong one is an error and not a crash. `where` receives the
// offending row, entry or sequence. Fills program.row_sequence and
// step.attending.
Fault check(const Program& program, const Step& step, int64_t* where);
