// The table of functions that each instruction set provides, and the rules for files named kernels*.cpp: they are compiled
// once per instruction set, so everything they define is static or in the variant's namespace, and they use no inline
// function of the standard library (the linker would merge copies compiled for different machines).
#pragma once
#include "abi.h"

// One operation: how many items an instruction has in a step, and how to do one. Items are independent of each other and
// their results of who does them; neighbours read neighbouring memory.
struct OpKernel {
  int64_t (*items)(const Program&, const Step&, const Instruction&);
  void (*execute)(const Program&, const Step&, const Instruction&, int64_t item);
};

struct Kernels {
  OpKernel ops[OP_COUNT];
  void (*measure)(const Packing&, int64_t panel);  // before pack, where the layout is PACKED
  void (*pack)(const Packing&, int64_t panel);
  void (*arrange)(const Packing&, int64_t panel);  // the same for quantized matrices
  void (*fit)(const Quantizing&);
  uint64_t (*read)(const uint64_t* words, int64_t count);  // XOR of all words (a multiple of 32): the bandwidth probe
};

#define CAUSERIE_JOIN_(a, b) a##b
#define CAUSERIE_JOIN(a, b) CAUSERIE_JOIN_(a, b)

#ifdef CAUSERIE_VARIANT
namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {
extern const OpKernel embed, norm, round_rows, linear, rotate, attention, glu, add_rows, select_rows, merge, route, group,
    gather, expert_linear, combine, weigh_rows, short_conv, transform, positions, activate, clip_rows, softcap,
    delta_inputs, delta, columns, times, keep_latent, causal_conv, mamba2, mamba,
    gate_heads, xielu, share, fetch, blend, leveled, excess;
void measure(const Packing&, int64_t panel);
void pack(const Packing&, int64_t panel);
void arrange(const Packing&, int64_t panel);
void fit(const Quantizing&);
uint64_t read(const uint64_t* words, int64_t count);

static inline int64_t row_count(const Step& step, const Instruction& in) {
  int64_t counted = step.tokens_count;
  switch (in.counted) {
    case OUTPUTS_COUNTED: counted = step.wanted_count; break;
    case LOGITS_COUNTED: counted = step.logits_count; break;
    case STATES_COUNTED: counted = step.wanted_count - step.logits_count; break;
  }
  return in.times * counted;
}
template <class T>
static inline T* row(const Program& program, int buffer, int64_t index) {
  const Buffer& b = program.buffers[buffer];
  return reinterpret_cast<T*>(b.data + index * b.stride);
}
// What an instruction keeps in a slot.
static inline float* slot(const Instruction& in, int64_t index) { return reinterpret_cast<float*>(in.slots + index * in.slot_stride); }
}  // namespace
#endif
