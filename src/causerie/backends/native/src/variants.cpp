#include "variants.h"

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
#endif

}  // namespace

Variant variant(int index) {
  switch (index) {
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
    default:
#if CAUSERIE_HAS_portable
      return {"portable", &causerie_kernels_portable, nullptr};
#else
      return {"portable", nullptr, NOT_COMPILED};
#endif
  }
}
