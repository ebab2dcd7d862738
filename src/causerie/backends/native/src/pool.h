// Threads that live as long as the backend, and a barrier that spins briefly and then sleeps.
#pragma once
#include "claims.h"

class Pool {
 public:
  using Body = void (*)(void* argument, Pool& pool, int thread);

  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Runs body on every thread, the caller's included, and returns when all are done. One caller at a time.
  void run(Body body, void* argument);

  // Within body, for every thread: waits for the others, then starts a new round of claims.
  void barrier();

  Worker worker(int thread) const { return {claimed_, thread, threads_}; }
  int threads() const { return threads_; }

 private:
  struct Shared;
  void start();
  static void work(Shared* shared, Pool* pool, int thread);

  Shared* shared_;
  Claimed* claimed_;
  int threads_;
};
