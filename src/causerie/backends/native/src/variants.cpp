#include "variants.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define CAUSERIE_DECLARE(name) extern const Kernels causerie_kernels_##name
#if CAUSERIE_HAS_avx512_bf16
CAUSERIE_DECLARE(avx512_bf16);
#endif
#if CAUSERIE_HAS_avx512
CAUSERIE_DECLARE(avx512);
#endif
#if CAUSERIE_HAS_avx2_vnni
CAUSERIE_DECLARE(avx2_vnni);
#endif
#if CAUSERIE_HAS_avx2
CAUSERIE_DECLARE(avx2);
#endif
#if CAUSERIE_HAS_neon_i8mm
CAUSERIE_DECLARE(neon_i8mm);
#endif
#if CAUSERIE_HAS_neon_dotprod
CAUSERIE_DECLARE(neon_dotprod);
#endif
#if CAUSERIE_HAS_neon
CAUSERIE_DECLARE(neon);
#endif
#if CAUSERIE_HAS_portable
CAUSERIE_DECLARE(portable);
#endif

namespace {

const char* const NOT_COMPILED = "this build does not contain it";

#if defined(__x86_64__)
// __builtin_cpu_supports also asks whether the operating system saves the wide registers.
#define CAUSERIE_NEEDS(feature) \
  if (!__builtin_cpu_supports(feature)) return "the processor lacks " feature

[[maybe_unused]] const char* lacks_avx2() {
  CAUSERIE_NEEDS("avx2");
  CAUSERIE_NEEDS("fma");
  CAUSERIE_NEEDS("f16c");
  return nullptr;
}

[[maybe_unused]] const char* lacks_avx2_vnni() {
  CAUSERIE_NEEDS("avxvnni");
  return lacks_avx2();
}

[[maybe_unused]] const char* lacks_avx512() {
  CAUSERIE_NEEDS("avx512f");
  CAUSERIE_NEEDS("avx512bw");
  CAUSERIE_NEEDS("avx512dq");
  CAUSERIE_NEEDS("avx512vl");
  CAUSERIE_NEEDS("avx512vnni");
  return lacks_avx2();
}

[[maybe_unused]] const char* lacks_avx512_bf16() {
  CAUSERIE_NEEDS("avx512bf16");
  return lacks_avx512();
}
#elif defined(__aarch64__)
[[maybe_unused]] const char* lacks_neon_dotprod() {
#if defined(__linux__)
  constexpr unsigned long DOT_PRODUCT = 1 << 20;  // HWCAP_ASIMDDP, which older headers do not name
  if (!(getauxval(AT_HWCAP) & DOT_PRODUCT)) return "the processor lacks dot products (asimddp)";
#endif
  return nullptr;  // every Apple processor of 64 bits that runs macOS has them
}

[[maybe_unused]] const char* lacks_neon_i8mm() {
#if defined(__linux__)
  constexpr unsigned long MATRIX_BYTES = 1 << 13;  // HWCAP2_I8MM
  if (!(getauxval(AT_HWCAP2) & MATRIX_BYTES)) return "the processor lacks products of mixed bytes (i8mm)";
  return lacks_neon_dotprod();
#else
  return "it is asked for on Linux alone";
#endif
}
#endif

}  // namespace

Variant variant(int index) {
  switch (index) {
#if defined(__aarch64__)
    case 0:
#if CAUSERIE_HAS_neon_i8mm
      return {"neon_i8mm", &causerie_kernels_neon_i8mm, lacks_neon_i8mm()};
#else
      return {"neon_i8mm", nullptr, NOT_COMPILED};
#endif
    case 1:
#if CAUSERIE_HAS_neon_dotprod
      return {"neon_dotprod", &causerie_kernels_neon_dotprod, lacks_neon_dotprod()};
#else
      return {"neon_dotprod", nullptr, NOT_COMPILED};
#endif
    case 2:
#if CAUSERIE_HAS_neon
      return {"neon", &causerie_kernels_neon, nullptr};
#else
      return {"neon", nullptr, NOT_COMPILED};
#endif
#else
    case 0:
#if CAUSERIE_HAS_avx512_bf16
      return {"avx512_bf16", &causerie_kernels_avx512_bf16, lacks_avx512_bf16()};
#else
      return {"avx512_bf16", nullptr, NOT_COMPILED};
#endif
    case 1:
#if CAUSERIE_HAS_avx512
      return {"avx512", &causerie_kernels_avx512, lacks_avx512()};
#else
      return {"avx512", nullptr, NOT_COMPILED};
#endif
    case 2:
#if CAUSERIE_HAS_avx2_vnni
      return {"avx2_vnni", &causerie_kernels_avx2_vnni, lacks_avx2_vnni()};
#else
      return {"avx2_vnni", nullptr, NOT_COMPILED};
#endif
    case 3:
#if CAUSERIE_HAS_avx2
      return {"avx2", &causerie_kernels_avx2, lacks_avx2()};
#else
      return {"avx2", nullptr, NOT_COMPILED};
#endif
#endif
    default:
#if CAUSERIE_HAS_portable
      return {"portable", &causerie_kernels_portable, nullptr};
#else
      return {"portable", nullptr, NOT_COMPILED};
#endif
  }
}
