// Runs steps of a program that test_arm.py wrote down, on this machine's library, and prints the logits' bytes.
//
// The image is a list of 64-bit numbers: how many segments, each as address, size and bytes, mapped where it was; then
// the program's address, how many steps, and each one's address with address and size of its logits. Knows no kernel.
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct Pool;
extern "C" {
int causerie_variant_count();
const char* causerie_variant_name(int);
const char* causerie_variant_lacking(int);
Pool* causerie_pool_new(int threads);
void causerie_pool_free(Pool*);
int32_t causerie_run(Pool*, int variant, const void* program, const void* step, int64_t* where, int64_t* opened);
}

static FILE* image;

static uint64_t number() {
  uint64_t value = 0;
  if (fread(&value, sizeof value, 1, image) != 1) value = 0;
  return value;
}

static bool map_segment() {
  const uint64_t address = number(), size = number(), whole = (size + 0xffff) & ~uint64_t(0xffff);
  void* at = reinterpret_cast<void*>(address);
  if (mmap(at, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != at) return false;
  return fread(at, 1, size, image) == size;
}

static int find_variant(const char* name) {
  for (int i = 0; i < causerie_variant_count(); ++i)
    if (!strcmp(causerie_variant_name(i), name)) return i;
  return -1;
}

int main(int count, char** words) {  // image, variant, threads as one digit
  if (count != 4 || !(image = fopen(words[1], "rb"))) return 2;
  const int variant = find_variant(words[2]);
  if (variant < 0 || causerie_variant_lacking(variant)) {
    fprintf(stderr, "%s: %s\n", words[2], variant < 0 ? "not known" : causerie_variant_lacking(variant));
    return 3;
  }
  for (uint64_t segments = number(); segments; --segments)
    if (!map_segment()) return 4;
  const void* program = reinterpret_cast<const void*>(number());
  Pool* pool = causerie_pool_new(words[3][0] - '0');
  for (uint64_t steps = number(); steps; --steps) {
    const void* step = reinterpret_cast<const void*>(number());
    const void* logits = reinterpret_cast<const void*>(number());
    const uint64_t size = number();
    int64_t where = 0;
    if (causerie_run(pool, variant, program, step, &where, nullptr)) return 5;
    fwrite(logits, 1, size, stdout);
  }
  causerie_pool_free(pool);
  return 0;
}
