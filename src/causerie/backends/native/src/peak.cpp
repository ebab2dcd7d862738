// How much arithmetic the processor can do: loops over registers alone, in the instructions that the kernels multiply
// with. One file for all instruction sets, because each loop names its own; the caller has made sure that it can run.
#include <stdint.h>
#include <string.h>

#include "abi.h"
#include "pool.h"
#include "variants.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

// Does `rounds` rounds, each a multiplication and addition into every accumulator; the result depends on all of them.
using Loop = uint64_t (*)(int64_t rounds);

struct Peak {
  Loop loop;                 // null: this instruction set has no such instruction
  int64_t operations_a_round;
};

#if defined(__x86_64__)

template <class V>
inline uint64_t first(const V& lanes) {
  uint64_t word;
  memcpy(&word, &lanes, sizeof word);
  return word;
}

// Small in every reading: 1/128 as a float and as a bfloat16 twice. Volatile, so that the compiler cannot reckon with it.
volatile uint32_t operand = 0x3c003c00;

// Enough chains to hide the latency of two units: 12 of 4 to 6 cycles.
#define CAUSERIE_LOOP(name, features, type, load, step)                                       \
  __attribute__((target(features))) uint64_t name(int64_t rounds) {                           \
    uint32_t lanes[16];                                                                       \
    for (uint32_t& lane : lanes) lane = operand;                                              \
    const auto x = load(lanes);                                                               \
    type a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};            \
    for (int64_t i = 0; i < rounds; ++i) {                                                    \
      step(a0), step(a1), step(a2), step(a3), step(a4), step(a5);                             \
      step(a6), step(a7), step(a8), step(a9), step(a10), step(a11);                           \
      /* Equal chains would be computed once: this makes them unknown again, at no cost. */   \
      asm volatile("" : "+x"(a0), "+x"(a1), "+x"(a2), "+x"(a3), "+x"(a4), "+x"(a5));          \
      asm volatile("" : "+x"(a6), "+x"(a7), "+x"(a8), "+x"(a9), "+x"(a10), "+x"(a11));        \
    }                                                                                         \
    return first(a0) ^ first(a1) ^ first(a2) ^ first(a3) ^ first(a4) ^ first(a5) ^            \
           first(a6) ^ first(a7) ^ first(a8) ^ first(a9) ^ first(a10) ^ first(a11);           \
  }

#define LOAD_512(p) _mm512_loadu_si512(p)
#define LOAD_256(p) _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))

#define STEP(a) a = _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(x), a)
CAUSERIE_LOOP(float32_avx512, "avx512f", __m512, LOAD_512, STEP)
#undef STEP
#define STEP(a) a = _mm512_dpbf16_ps(a, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(x))
CAUSERIE_LOOP(bfloat16_avx512, "avx512f,avx512bf16", __m512, LOAD_512, STEP)
#undef STEP
#define STEP(a) a = _mm512_dpbusd_epi32(a, x, x)
CAUSERIE_LOOP(int8_avx512, "avx512f,avx512vnni", __m512i, LOAD_512, STEP)
#undef STEP
#define STEP(a) a = _mm256_fmadd_ps(_mm256_castsi256_ps(x), _mm256_castsi256_ps(x), a)
CAUSERIE_LOOP(float32_avx2, "avx2,fma", __m256, LOAD_256, STEP)
#undef STEP
// The accumulator is an operand of the product: with two constant ones it would be computed once, before the loop.
#define STEP(a) a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_maddubs_epi16(x, a), x))
CAUSERIE_LOOP(int8_avx2, "avx2", __m256i, LOAD_256, STEP)
#undef STEP
#define STEP(a) a = _mm256_dpbusd_avx_epi32(a, x, x)
CAUSERIE_LOOP(int8_avx2_vnni, "avx2,avxvnni", __m256i, LOAD_256, STEP)
#undef STEP

Peak peak_of(const char* variant, int arithmetic) {
  const bool bf16 = !strcmp(variant, "avx512_bf16"), avx512 = bf16 || !strcmp(variant, "avx512");
  const bool avx2 = !strncmp(variant, "avx2", 4);
  switch (arithmetic) {
    case ARITHMETIC_FLOAT32:
      return avx512 ? Peak{float32_avx512, 12 * 32} : avx2 ? Peak{float32_avx2, 12 * 16} : Peak{};
    case ARITHMETIC_BFLOAT16:
      return bf16 ? Peak{bfloat16_avx512, 12 * 64} : Peak{};
    case ARITHMETIC_INT8:
      if (!strcmp(variant, "avx2_vnni")) return Peak{int8_avx2_vnni, 12 * 64};
      return avx512 ? Peak{int8_avx512, 12 * 128} : avx2 ? Peak{int8_avx2, 12 * 64} : Peak{};
  }
  return {};
}

#else

Peak peak_of(const char*, int) { return {}; }

#endif

struct PeakRun {
  Peak peak;
  int64_t items, rounds;
  uint64_t* result;
};

}  // namespace

// Operations done (a product and its addition are two) by `items` items of `rounds` rounds on the pool's threads, to be
// timed by the caller; 0 where the variant has no instruction for this Arithmetic.
extern "C" __attribute__((visibility("default"))) int64_t causerie_peak(Pool* pool, int variant_index, int arithmetic, int64_t items,
                                                                         int64_t rounds) {
  uint64_t result = 0;
  const PeakRun run{peak_of(variant(variant_index).name, arithmetic), items, rounds, &result};
  if (!run.peak.loop) return 0;
  const auto count = [](const void* argument, int) { return static_cast<const PeakRun*>(argument)->items; };
  const auto execute = [](const void* argument, int, int64_t) {
    const auto& what = *static_cast<const PeakRun*>(argument);
    __atomic_fetch_xor(what.result, what.peak.loop(what.rounds), __ATOMIC_RELAXED);
  };
  pool->run({1, count, execute, &run});
  return items * rounds * run.peak.operations_a_round;
}
