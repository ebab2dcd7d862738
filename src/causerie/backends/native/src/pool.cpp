#include "pool.h"

#include <atomic>
#include <new>
#include <thread>

#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int SPINS = 2000;  // some tens of microseconds; longer waits sleep, so that a busy machine's others get on

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Subnormal numbers count as zero while kernels run: vdpbf16ps does so in any case, so every other variant must.
class FlushSubnormals {
 public:
#if defined(__x86_64__)
  FlushSubnormals() : before_(_mm_getcsr()) { _mm_setcsr(0x9fc0); }  // all exceptions masked, to nearest, FTZ and DAZ
  ~FlushSubnormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#elif defined(__aarch64__)
  FlushSubnormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" ::"r"(uint64_t(1) << 24));
  }
  ~FlushSubnormals() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

 private:
  uint64_t before_;
#endif
};

void wait_until_changed(std::atomic<uint32_t>& word, uint32_t seen) {
  for (int i = 0; i < SPINS; ++i) {
    if (word.load(std::memory_order_acquire) != seen) return;
    pause_briefly();
  }
  while (word.load(std::memory_order_acquire) == seen) word.wait(seen, std::memory_order_acquire);
}

}  // namespace

// Apart from Pool, so that a fork's child can leave the parent's behind and start anew.
struct Pool::Shared {
  alignas(64) std::atomic<uint32_t> generation{0};  // counts runs; workers wait for the next
  alignas(64) std::atomic<uint32_t> phase{0};       // counts barriers
  alignas(64) std::atomic<int> arrived{0};
  alignas(64) std::atomic<int> leaving{0};
  Body body = nullptr;
  void* argument = nullptr;
  bool stop = false;
  pid_t process = 0;
};

Pool::Pool(int threads) : shared_(nullptr), claimed_(new Claimed[threads]()), threads_(threads) { start(); }

void Pool::start() {
  shared_ = new Shared;
  shared_->process = getpid();
  for (int i = 0; i < threads_; ++i) claimed_[i].count = 0;
  for (int i = 1; i < threads_; ++i) std::thread(work, shared_, this, i).detach();
}

Pool::~Pool() {
  if (shared_->process == getpid()) {
    shared_->stop = true;
    shared_->generation.fetch_add(1, std::memory_order_release);
    shared_->generation.notify_all();
    while (shared_->leaving.load(std::memory_order_acquire) != threads_ - 1) std::this_thread::yield();
    delete shared_;
  }
  delete[] claimed_;
}

void Pool::work(Shared* shared, Pool* pool, int thread) {
  FlushSubnormals flush;
  for (uint32_t seen = 0;; ++seen) {
    wait_until_changed(shared->generation, seen);
    if (shared->stop) break;
    shared->body(shared->argument, *pool, thread);
    pool->barrier();
  }
  shared->leaving.fetch_add(1, std::memory_order_release);
}

void Pool::barrier() {
  if (threads_ == 1) {
    claimed_[0].count = 0;
    return;
  }
  const uint32_t phase = shared_->phase.load(std::memory_order_relaxed);
  if (shared_->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < threads_) return wait_until_changed(shared_->phase, phase);
  shared_->arrived.store(0, std::memory_order_relaxed);
  for (int i = 0; i < threads_; ++i) claimed_[i].count = 0;
  shared_->phase.store(phase + 1, std::memory_order_release);
  shared_->phase.notify_all();
}

void Pool::run(Body body, void* argument) {
  if (shared_->process != getpid()) start();  // after a fork only the calling thread exists; the old state is left alone
  FlushSubnormals flush;
  shared_->body = body;
  shared_->argument = argument;
  shared_->generation.fetch_add(1, std::memory_order_release);
  if (threads_ > 1) shared_->generation.notify_all();
  body(argument, *this, 0);
  barrier();
}
