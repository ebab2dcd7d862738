// The table of functions that each instruction set provides, and the rules for files named kernels*.cpp: they are compiled
// once per instruction set, so everything they define is static or in the variant's namespace, and they use no inline
// function of the standard library (the linker would merge copies compiled for different machines).
#pragma once
#include "abi.h"
#include "claims.h"

using OpKernel = void (*)(const Program&, const Step&, const Instruction&, const Worker&);

struct Kernels {
  OpKernel ops[OP_COUNT];
  void (*pack)(const Packing&, const Worker&);
  uint64_t (*read)(const uint64_t* words, int64_t count, const Worker&);  // XOR of all words: the bandwidth probe
};

#define CAUSERIE_JOIN_(a, b) a##b
#define CAUSERIE_JOIN(a, b) CAUSERIE_JOIN_(a, b)

#ifdef CAUSERIE_VARIANT
namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {
void embed(const Program&, const Step&, const Instruction&, const Worker&);
void norm(const Program&, const Step&, const Instruction&, const Worker&);
void round_rows(const Program&, const Step&, const Instruction&, const Worker&);
void linear(const Program&, const Step&, const Instruction&, const Worker&);
void rotate(const Program&, const Step&, const Instruction&, const Worker&);
void attention(const Program&, const Step&, const Instruction&, const Worker&);
void glu(const Program&, const Step&, const Instruction&, const Worker&);
void add_rows(const Program&, const Step&, const Instruction&, const Worker&);
void select_rows(const Program&, const Step&, const Instruction&, const Worker&);
void pack(const Packing&, const Worker&);
uint64_t read(const uint64_t*, int64_t, const Worker&);

static inline int64_t row_count(const Step& step, const Instruction& in) {
  return in.counted ? step.wanted_count : step.tokens_count;
}
template <class T>
static inline T* row(const Program& program, int buffer, int64_t index) {
  const Buffer& b = program.buffers[buffer];
  return reinterpret_cast<T*>(b.data + index * b.stride);
}
}  // namespace
#endif
