// Threads that live as long as the backend and share the items of a task.
//
// A task is a sequence of phases, each some items; a phase begins when all items of the one before are done. There is no
// barrier that waits for threads: whoever finishes a phase's last item opens the next. A thread that the system has put
// aside holds nobody up, unless in the middle of an item, so a busy machine costs the threads it takes and no more.
#pragma once
#include <stdint.h>

struct Task {
  int phases;
  int64_t (*items)(const void* argument, int phase);                // below 2^32; may be 0
  void (*execute)(const void* argument, int phase, int64_t item);
  const void* argument;
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
