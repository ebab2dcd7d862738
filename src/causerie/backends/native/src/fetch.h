// What kernels know of experts that stay in their file (expert_store.h): how to have those in memory that a step needs.
#pragma once
#include <stdint.h>

struct Fetch {
  int64_t first;          // number of the layer's first expert
  const int32_t* counts;  // [experts] of rows; those with none are not needed
  int64_t experts;
  int64_t next;           // number of the first expert of the layer that comes after
  const bool* ahead;      // [next_experts] those that it is likely to need
  int64_t next_experts;
};

// See ExpertStore::fetch.
bool fetch_experts(void* store, const Fetch& fetch);
