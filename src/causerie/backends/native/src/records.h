// Matrices that lie in files as rows of records, each of which holds the codes of some weights of a row and the numbers that
// they share: read, taken apart and arranged by all threads, a panel of rows at a time, so that what was read is still in
// the cache when it is arranged.
#pragma once
#include "kernels.h"
#include "pool.h"

// What is wrong with the first matrix of the list that has a fault, and which one and which of its arrays: their number is
// RECORD_ARRAYS times the first, and the second.
RecordFault arrange_records(Pool& pool, const Kernels& kernels, const RecordRows* all, int64_t count, int64_t* where);
