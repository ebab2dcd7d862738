#include "records.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

#include <unistd.h>

namespace {

constexpr uint16_t INFINITE = 0x7c00;  // the exponent of float16 that infinity and what is no number have

int64_t panel_count(const RecordRows& records) { return (records.packing->rows + PANEL - 1) / PANEL; }

// Bytes begin .. begin + count of a file; false where it ends before them or cannot be read.
bool read_all(int file, int64_t begin, int64_t count, uint8_t* to) {
  for (int64_t done = 0; done < count;) {
    const ssize_t got = pread(file, to + done, size_t(count - done), begin + done);
    if (got <= 0 && !(got < 0 && errno == EINTR)) return false;
    if (got > 0) done += got;
  }
  return true;
}

// The codes of a field: as many runs of bits as it has.
void unpack(const RecordField& field, const uint8_t* from, uint8_t* to) {
  const CodeBits& bits = *field.bits;
  for (int32_t run = 0; run < field.bytes / bits.run_bytes; ++run, from += bits.run_bytes)
    for (int32_t i = 0; i < bits.run; ++i) {
      unsigned code = 0;
      for (int32_t plane = 0, shift = 0; plane < bits.planes; shift += bits.bits[plane++]) {
        const int32_t begin = bits.begins[plane * bits.run + i];
        code |= (unsigned(from[begin / 8]) >> begin % 8 & ((1u << bits.bits[plane]) - 1)) << shift;
      }
      for (int32_t j = 0; j < field.repeated; ++j) *to++ = field.table ? field.table[code] : uint8_t(code);
    }
}

// False where a float16 is not finite.
bool halves(const RecordField& field, const uint8_t* from, uint8_t* to) {
  bool finite = true;
  for (int32_t i = 0; i < field.bytes; i += 2) {
    uint16_t value;
    std::memcpy(&value, from + i, 2);
    finite &= (value & INFINITE) != INFINITE;
    value ^= uint16_t(field.flip);
    for (int32_t j = 0; j < field.repeated; ++j, to += 2) std::memcpy(to, &value, 2);
  }
  return finite;
}

// What a field gives for each record, in bytes.
int64_t given(const RecordField& field) {
  const int64_t numbers = field.bits ? int64_t(field.bytes) / field.bits->run_bytes * field.bits->run : field.bytes;
  return numbers * field.repeated;
}

// The field of every record.
bool take(const RecordField& field, const uint8_t* record, int64_t record_bytes, int64_t records, uint8_t* to) {
  const int64_t each = given(field);
  bool finite = true;
  for (int64_t i = 0; i < records; ++i, record += record_bytes, to += each) {
    const uint8_t* from = record + field.begin;
    if (field.bits) unpack(field, from, to);
    else if (field.size == 2) finite &= halves(field, from, to);
    else if (field.repeated == 1) std::memcpy(to, from, size_t(field.bytes));
    else
      for (int64_t j = 0; j < each; ++j) to[j] = from[j / field.repeated];
  }
  return finite;
}

struct Arranged {
  RecordFault fault;
  int array;
};

// One panel of a matrix. Memory that was needed for one is kept for the next.
Arranged arrange_panel(const RecordRows& records, const Kernels& kernels, int64_t panel) {
  thread_local std::vector<uint8_t> raw, apart;
  Packing packing = *records.packing;
  const int64_t first = panel * PANEL, row_records = packing.width / records.record_inputs;
  packing.first += first;
  packing.rows = std::min<int64_t>(PANEL, packing.rows - first);
  const int64_t count = packing.rows * row_records, row_bytes = row_records * records.record_bytes;
  raw.resize(size_t(count * records.record_bytes));
  if (!read_all(records.file, records.begin + first * row_bytes, int64_t(raw.size()), raw.data())) return {FILE_ENDED, 0};
  int64_t begins[RECORD_ARRAYS + 1] = {};
  for (int i = 0; i < RECORD_ARRAYS; ++i) begins[i + 1] = begins[i] + (count * given(records.fields[i]) + 63) / 64 * 64;
  apart.resize(size_t(begins[RECORD_ARRAYS]));
  const void** const arrays[RECORD_ARRAYS] = {&packing.source, &packing.scale, &packing.zero, &packing.unit, &packing.low_unit};
  for (int i = 0; i < RECORD_ARRAYS; ++i) {
    if (!records.fields[i].bytes) continue;
    if (!take(records.fields[i], raw.data(), records.record_bytes, count, apart.data() + begins[i])) return {NOT_FINITE, i};
    *arrays[i] = apart.data() + begins[i];
  }
  kernels.arrange(packing, 0);
  return {RECORDS_OK, 0};
}

struct Arranging {
  const Kernels& kernels;
  const RecordRows* all;
  std::vector<int64_t> starts;  // the first panel of each matrix, among all, and the end
  std::atomic<int64_t> faulty;  // the first matrix and array that has a fault, and which: no number is larger than none's
};

constexpr int64_t NO_FAULT = INT64_MAX;

void arrange_item(const void* argument, int, int64_t item) {
  auto& run = *static_cast<Arranging*>(const_cast<void*>(argument));
  const int64_t which = std::upper_bound(run.starts.begin(), run.starts.end(), item) - run.starts.begin() - 1;
  int64_t seen = run.faulty.load(std::memory_order_relaxed);
  if (seen < which * RECORD_ARRAYS * RECORD_FAULT_COUNT) return;
  Arranged arranged{NO_MEMORY, 0};
  try {
    arranged = arrange_panel(run.all[which], run.kernels, item - run.starts[size_t(which)]);
  } catch (const std::bad_alloc&) {
  }
  if (arranged.fault == RECORDS_OK) return;
  const int64_t fault = (which * RECORD_ARRAYS + arranged.array) * RECORD_FAULT_COUNT + arranged.fault;
  while (fault < seen && !run.faulty.compare_exchange_weak(seen, fault)) {}
}

}  // namespace

RecordFault arrange_records(Pool& pool, const Kernels& kernels, const RecordRows* all, int64_t count, int64_t* where) {
  Arranging run{kernels, all, {0}, NO_FAULT};
  for (int64_t i = 0; i < count; ++i) run.starts.push_back(run.starts.back() + panel_count(all[i]));
  const auto items = [](const void* argument, int) { return static_cast<const Arranging*>(argument)->starts.back(); };
  pool.run({1, items, arrange_item, &run});
  const int64_t faulty = run.faulty.load();
  if (faulty == NO_FAULT) return RECORDS_OK;
  *where = faulty / RECORD_FAULT_COUNT;
  return RecordFault(faulty % RECORD_FAULT_COUNT);
}
