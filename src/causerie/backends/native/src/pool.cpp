#include "pool.h"

#include <atomic>
#include <memory>
#include <thread>

#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int SPINS = 2000;       // some tens of microseconds; longer waits sleep, so that a busy machine's others get on
constexpr uint64_t MOST_AT_ONCE = 16;  // items that a thread takes at a time, while many are left

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

// What is left of one thread's range of the open phase: the phase's epoch above, the number of items below. The epoch
// makes a claim that was prepared in an earlier phase fail.
struct alignas(64) Range {
  std::atomic<uint64_t> left{0};
};

}  // namespace

// Apart from Pool, so that a fork's child can leave the parent's behind and start anew.
struct Pool::Shared {
  explicit Shared(int count) : threads(count), process(getpid()), ranges(new Range[count]) {}

  const int threads;
  const pid_t process;
  const std::unique_ptr<Range[]> ranges;  // every thread begins with its own, a contiguous one: one long stream
  Task task{};
  int phase = 0;
  int64_t items = 0;  // of the open phase; stable for whoever holds one of them
  bool stop = false;
  alignas(64) std::atomic<uint32_t> epoch{0};  // grows when a phase opens and when the task is done
  alignas(64) std::atomic<int64_t> undone{0};
  alignas(64) std::atomic<int64_t> ended{0};  // the epoch that ended the task, -1 while it runs
  alignas(64) std::atomic<int> left_threads{0};

  int64_t begin_of(int range) const { return items * range / threads; }

  // Opens the first phase from `from` on that is worth sharing, or ends the task. A single item is done on the spot, where
  // its input is still in the cache. Only the thread that did the last item, or the caller of run, is here.
  void open(int from) {
    const uint32_t next = epoch.load(std::memory_order_relaxed) + 1;
    for (phase = from; phase < task.phases; ++phase) {
      if ((items = task.items(task.argument, phase)) > 1) break;
      if (items == 1) task.execute(task.argument, phase, 0);
    }
    if (phase == task.phases) {
      ended.store(next, std::memory_order_release);
    } else {
      undone.store(items, std::memory_order_relaxed);
      for (int i = 0; i < threads; ++i)
        ranges[i].left.store(uint64_t(next) << 32 | uint64_t(begin_of(i + 1) - begin_of(i)), std::memory_order_release);
    }
    epoch.store(next, std::memory_order_release);
    if (threads > 1) epoch.notify_all();
  }

  // Takes some items of a range and does them; false when the range is empty.
  bool work_on(int range) {
    std::atomic<uint64_t>& left = ranges[range].left;
    uint64_t seen = left.load(std::memory_order_acquire), count, taken;
    do {
      count = seen & 0xffffffffu;
      if (count == 0) return false;
      taken = (count + 3) / 4 < MOST_AT_ONCE ? (count + 3) / 4 : MOST_AT_ONCE;
    } while (!left.compare_exchange_weak(seen, seen - taken, std::memory_order_acq_rel, std::memory_order_acquire));
    const int64_t first = begin_of(range + 1) - int64_t(count);
    const int now = phase;
    for (uint64_t i = 0; i < taken; ++i) task.execute(task.argument, now, first + int64_t(i));
    if (undone.fetch_sub(int64_t(taken), std::memory_order_acq_rel) == int64_t(taken)) open(now + 1);
    return true;
  }

  // Does items, its own range's first, until none is left to take.
  void work(int thread) {
    for (int i = 0; i < threads;) {
      const int range = thread + i < threads ? thread + i : thread + i - threads;
      i = work_on(range) ? 0 : i + 1;
    }
  }

  void wait_after(uint32_t seen) {
    for (int i = 0; i < SPINS; ++i) {
      if (epoch.load(std::memory_order_acquire) != seen) return;
      pause_briefly();
    }
    epoch.wait(seen, std::memory_order_acquire);
  }

  void serve(int thread) {
    FlushSubnormals flush;
    for (;;) {
      const uint32_t seen = epoch.load(std::memory_order_acquire);
      if (stop) break;
      work(thread);
      wait_after(seen);
    }
    left_threads.fetch_add(1, std::memory_order_release);
  }
};

Pool::Pool(int threads) : shared_(nullptr), threads_(threads) { start(); }

void Pool::start() {
  shared_ = new Shared(threads_);
  for (int i = 1; i < threads_; ++i) std::thread([shared = shared_, i] { shared->serve(i); }).detach();
}

Pool::~Pool() {
  if (shared_->process != getpid()) return;  // a fork's child: the threads are the parent's
  shared_->stop = true;
  shared_->epoch.fetch_add(1, std::memory_order_release);
  shared_->epoch.notify_all();
  while (shared_->left_threads.load(std::memory_order_acquire) != threads_ - 1) std::this_thread::yield();
  delete shared_;
}

void Pool::run(const Task& task) {
  if (shared_->process != getpid()) start();  // after a fork only the calling thread exists; the old state is left alone
  FlushSubnormals flush;
  Shared& shared = *shared_;
  shared.ended.store(-1, std::memory_order_relaxed);
  shared.task = task;
  shared.open(0);
  for (;;) {
    const uint32_t seen = shared.epoch.load(std::memory_order_acquire);
    shared.work(0);
    if (shared.ended.load(std::memory_order_acquire) >= 0) break;
    shared.wait_after(seen);
  }
  // Whoever ended the task may not have moved the epoch yet; the next run must not overtake it.
  while (shared.epoch.load(std::memory_order_acquire) != uint32_t(shared.ended.load(std::memory_order_relaxed)))
    std::this_thread::yield();
}
