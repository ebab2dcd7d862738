// Before a short loop over sums that shall stay in registers: GCC must unroll it before it gives arrays a place.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#define CAUSERIE_UNROLL _Pragma("GCC unroll 8")
#else
#define CAUSERIE_UNROLL
#endif
