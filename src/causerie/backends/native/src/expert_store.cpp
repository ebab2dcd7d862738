#include "expert_store.h"

#include <cerrno>
#include <cmath>

#include <unistd.h>

namespace {

constexpr double HALF_LIFE = 4096.0;  // fetches, one for each layer of a step, after which a use counts half

}  // namespace

ExpertStore::ExpertStore(const StoreArguments& arguments)
    : arguments_(arguments), process_(getpid()), experts_(size_t(arguments.expert_count)), owners_(size_t(arguments.slots), -1) {
  try {
    for (int i = 0; i < arguments.readers; ++i) readers_.emplace_back([this] { serve(); });
  } catch (...) {
    { std::lock_guard lock(mutex_); stop_ = true; }
    asked_.notify_all();
    for (std::thread& reader : readers_) reader.join();
    throw;
  }
}

ExpertStore::~ExpertStore() {
  if (getpid() != process_) {  // a fork's child: the threads are the parent's
    for (std::thread& reader : readers_) reader.detach();
    return;
  }
  { std::lock_guard lock(mutex_); stop_ = true; }
  asked_.notify_all();
  for (std::thread& reader : readers_) reader.join();
}

bool ExpertStore::fetch(const Fetch& wish) {
  const auto& [first, counts, experts, next, ahead, next_experts] = wish;
  if (!alone_ && getpid() != process_) begin_anew();
  std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
  if (!alone_) lock.lock();
  ++fetch_;
  for (int64_t e = 0; e < experts; ++e)
    if (counts[e]) experts_[size_t(first + e)].fetch = fetch_;
  forget_unwanted();
  for (int64_t e = 0; e < experts && !fault_; ++e) {
    if (!counts[e]) continue;
    Expert& expert = experts_[size_t(first + e)];
    ++(expert.early ? counts_.early : expert.state == State::READY ? counts_.hits : counts_.misses);
    expert.early = false;
    warm(expert);
    while (expert.state == State::ABSENT && !fault_ && !ask(first + e, true)) read_.wait(lock);
    if (expert.state == State::ASKED && !expert.urgent) urgent_.push_back(first + e);  // its turn comes now
    expert.urgent = true;
  }
  for (int64_t e = 0; e < next_experts && !fault_ && !alone_; ++e) {
    if (!ahead[e]) continue;
    Expert& expert = experts_[size_t(next + e)];
    expert.fetch = fetch_ + 1;
    if (expert.state != State::ABSENT) continue;
    if (!ask(next + e, false)) break;
    expert.early = true;
  }
  if (!alone_) asked_.notify_all();
  for (int64_t e = 0; e < experts && !fault_; ++e) {
    if (!counts[e]) continue;
    const Expert& expert = experts_[size_t(first + e)];
    while (expert.state != State::READY && !fault_) read_.wait(lock);
    if (!fault_) point(first + e);
  }
  return !fault_;
}

int ExpertStore::take_fault() {
  std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
  if (!alone_) lock.lock();
  const int fault = fault_;
  fault_ = 0;
  return fault;
}

// Gives an expert a slot and has it read; false where all are in use.
bool ExpertStore::ask(int64_t number, bool urgent) {
  const int32_t slot = coldest();
  if (slot < 0) return false;
  if (owners_[size_t(slot)] >= 0) {
    Expert& owner = experts_[size_t(owners_[size_t(slot)])];
    owner.state = State::ABSENT;
    owner.slot = -1;
    owner.early = false;
  }
  owners_[size_t(slot)] = number;
  Expert& expert = experts_[size_t(number)];
  expert.slot = slot;
  expert.urgent = urgent;
  if (alone_) {
    if ((fault_ = read(number))) {
      owners_[size_t(slot)] = -1;
      expert.slot = -1;
    } else {
      expert.state = State::READY;
    }
    return true;
  }
  expert.state = State::ASKED;
  (urgent ? urgent_ : ahead_).push_back(number);
  asked_.notify_one();
  return true;
}

// Whose slot is given away: a free one, else of those that nobody waits for the one used least.
int32_t ExpertStore::coldest() const {
  int32_t best = -1;
  double least = 0.0;
  for (int32_t slot = 0; slot < arguments_.slots; ++slot) {
    const int64_t owner = owners_[size_t(slot)];
    if (owner < 0) return slot;
    const Expert& expert = experts_[size_t(owner)];
    if (expert.state != State::READY || expert.fetch >= fetch_ || (best >= 0 && expert.warmth >= least)) continue;
    best = slot;
    least = expert.warmth;
  }
  return best;
}

// What was asked for ahead, was not begun, and is not wanted after all.
void ExpertStore::forget_unwanted() {
  std::deque<int64_t> wanted;
  for (const int64_t number : ahead_) {
    Expert& expert = experts_[size_t(number)];
    if (expert.state != State::ASKED || expert.urgent) continue;
    if (expert.fetch >= fetch_) {
      wanted.push_back(number);
      continue;
    }
    owners_[size_t(expert.slot)] = -1;
    expert.slot = -1;
    expert.state = State::ABSENT;
    expert.early = false;
  }
  ahead_.swap(wanted);
}

void ExpertStore::warm(Expert& expert) const {
  const double now = double(fetch_) / HALF_LIFE, higher = now > expert.warmth ? now : expert.warmth;
  expert.warmth = higher + std::log2(std::exp2(now - higher) + std::exp2(expert.warmth - higher));
}

// 0, or what went wrong. Files may be open for reading past the system's cache: then stretches are whole pages, of which the
// last may lie behind the end of a file.
int ExpertStore::read(int64_t number) {
  const StoredExpert& expert = arguments_.experts[number];
  char* slot = reinterpret_cast<char*>(arguments_.memory) + experts_[size_t(number)].slot * arguments_.slot_bytes;
  for (int32_t i = 0; i < expert.piece_count; ++i) {
    const StoredPiece& piece = arguments_.pieces[expert.first_piece + i];
    for (int64_t done = 0; done < piece.needed;) {
      const ssize_t got = pread(piece.file, slot + piece.at + done, size_t(piece.bytes - done), piece.begin + done);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return got < 0 ? errno : EIO;
      done += got;
      counts_.bytes += got;
    }
  }
  return 0;
}

void ExpertStore::point(int64_t number) const {
  const StoredExpert& expert = arguments_.experts[number];
  const uint64_t slot = arguments_.memory + uint64_t(experts_[size_t(number)].slot * arguments_.slot_bytes);
  for (int32_t i = 0; i < expert.matrix_count; ++i) {
    const StoredMatrix& matrix = arguments_.matrices[expert.first_matrix + i];
    reinterpret_cast<Part*>(matrix.part)->weight = slot + uint64_t(matrix.at);
  }
}

// In a fork's child: what was being read is not.
void ExpertStore::begin_anew() {
  alone_ = true;
  urgent_.clear();
  ahead_.clear();
  for (Expert& expert : experts_) {
    if (expert.state == State::READY || expert.state == State::ABSENT) continue;
    owners_[size_t(expert.slot)] = -1;
    expert = {State::ABSENT, false, false, -1, expert.fetch, expert.warmth};
  }
}

void ExpertStore::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [this] { return stop_ || !urgent_.empty() || !ahead_.empty(); });
    if (stop_) return;
    std::deque<int64_t>& queue = urgent_.empty() ? ahead_ : urgent_;
    const int64_t number = queue.front();
    queue.pop_front();
    Expert& expert = experts_[size_t(number)];
    if (expert.state != State::ASKED) continue;  // it was in both queues
    expert.state = State::READING;
    lock.unlock();
    const int fault = read(number);
    lock.lock();
    expert.state = fault ? State::ABSENT : State::READY;
    if (fault) {
      owners_[size_t(expert.slot)] = -1;
      expert.slot = -1;
      expert.early = false;
      if (expert.urgent) fault_ = fault;  // else it is asked for again by a step that needs it
    }
    read_.notify_all();
  }
}

bool fetch_experts(void* store, const Fetch& fetch) {
  return static_cast<ExpertStore*>(store)->fetch(fetch);
}
