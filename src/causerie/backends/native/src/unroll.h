// CAUSERIE_UNROLL stands before a short loop over sums that shall stay in registers: GCC must unroll it before it gives arrays
// a place. CAUSERIE_ROLLED stands before one whose turns shall not be mixed, since their sums would need more than there are.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#define CAUSERIE_UNROLL _Pragma("GCC unroll 8")
#define CAUSERIE_ROLLED _Pragma("GCC unroll 1")
#else
#define CAUSERIE_UNROLL
#define CAUSERIE_ROLLED
#endif
