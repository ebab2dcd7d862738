// Threads that live as long as the backend and share the items of a task.
//
// A task is a sequence of phases, each some items; a phase begins when all items of the one before are done. There is no
// barrier that waits for threads: whoever finishes a phase's last item opens the next. A thread that the system has put
// aside holds nobody up, unless in the middle of an item, so a busy machine costs the threads it takes and no more.
#pragma once
#include <stdint.h>

// Bytes that are read one after the other.
struct Memory {
  const char* begin;
  int64_t bytes;
};

struct Task {
  int phases;
  int64_t (*items)(const void* argument, int phase);                // below 2^32; may be 0
  void (*execute)(const void* argument, int phase, int64_t item);
  const void* argument;
  // What a thread reads first of the phases from `phase` on, as far as that is certain: it is fetched by who waits for them.
  Memory (*upcoming)(const void* argument, int phase, int thread) = nullptr;
};

class Pool {
 public:
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Does the task on every thread, the caller's included. One caller at a time.
  void run(const Task& task);

 private:
  struct Shared;
  void start();

  Shared* shared_;
  int threads_;
};
