// Experts that stay in their file, and memory that holds some of them: those that are used most, those that a step is
// about to use, and those that its next layer is likely to use, which are read while it computes.
//
// Knows no program: an expert is a number, and where its matrices lie is written into the Parts that Python names.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "abi.h"
#include "fetch.h"

class ExpertStore {
 public:
  // The arguments' arrays and files must outlive it. Throws where threads are lacking.
  explicit ExpertStore(const StoreArguments& arguments);
  ~ExpertStore();

  // Has the experts in memory to which rows go, and says so in their Parts. Of those `ahead` reading begins if there is
  // memory to spare; they stay until the fetch after this one. One thread at a time. False where a file could not be read:
  // nothing may be multiplied then.
  bool fetch(const Fetch& wish);

  // What kept the last fetch from reading, as errno has it; EIO where a file ended early. 0 once it has been asked.
  int take_fault();

  // Since it was made; to be read at any time.
  struct Counts {
    std::atomic<int64_t> hits{0}, misses{0}, early{0}, bytes{0};
  };
  const Counts& counts() const { return counts_; }

 private:
  enum class State : uint8_t { ABSENT, ASKED, READING, READY };

  struct Expert {
    State state = State::ABSENT;
    bool urgent = false, early = false;
    int32_t slot = -1;
    int64_t fetch = 0;         // the last one that wants it to stay
    double warmth = -1e300;    // log2 of Σ 2^(fetch / HALF_LIFE) over the fetches that used it: the order never changes by waiting
  };

  bool ask(int64_t number, bool urgent);
  int32_t coldest() const;
  void forget_unwanted();
  void warm(Expert& expert) const;
  int read(int64_t number);
  void point(int64_t number) const;
  void begin_anew();
  void serve();

  const StoreArguments arguments_;
  const pid_t process_;
  bool alone_ = false;  // in a fork's child, which has none of the threads: it reads by itself
  std::vector<Expert> experts_;
  std::vector<int64_t> owners_;  // of each slot; -1: nobody's
  std::deque<int64_t> urgent_, ahead_;
  std::mutex mutex_;
  std::condition_variable asked_, read_;
  std::vector<std::thread> readers_;
  int64_t fetch_ = 0;
  int fault_ = 0;
  bool stop_ = false;
  Counts counts_;
};
