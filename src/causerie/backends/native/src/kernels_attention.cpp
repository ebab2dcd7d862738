// Paged attention over the cache that kernels_rotate.cpp writes.
//
// Positions are summed up in chunks of 256, counted from position 0: the scores of a chunk, its largest score, the weights
// 2^(score - largest) and the values they weigh; then the chunks' sums are added in order, each rescaled to the larger
// maximum (Milakov & Gimelshein, 2018; Dao, 2022). So a row's result depends on its own position and sequence alone: not
// on how the prompt was cut, what ran beside it, or which blocks hold it; and chunks may be done apart. Where a step is
// short enough for that, an item is one chunk of some rows of one sequence and one kv head, its sums go to scratch and
// `merge` adds them; else an item is all chunks of those rows.
#include "attention_float.h"
#include "attention_int8.h"
#include "attention_latent.h"
#include "dispatch.h"

namespace CAUSERIE_JOIN(causerie_, CAUSERIE_VARIANT) {

constexpr int MOST = GROUP_ROWS * LINES;  // lines of an item: rows by query heads
constexpr float LOG2_E = 1.44269504f;

static inline Sum* sum_at(const Instruction& in, void* begin, int64_t index) {
  return reinterpret_cast<Sum*>(static_cast<char*>(begin) + index * sum_bytes(in));
}

static inline void clear(Sum& sum, const Instruction& in) {
  sum.peak = -__builtin_inff();
  sum.total = 0.0f;
  for (int64_t c = 0; c < padded(in.value_dim); c += 16) store(sum.mixed + c, broadcast(0.0f));
}

// Adds the next chunk's sum.
static inline void add_chunk(Sum& sum, const Sum& chunk, const Instruction& in) {
  alignas(64) float factors[16] = {};
  const float peak = chunk.peak > sum.peak ? chunk.peak : sum.peak;
  factors[0] = sum.peak - peak;
  factors[1] = chunk.peak - peak;
  store(factors, exp2_below(load(factors)));
  const f32x16 before = broadcast(factors[0]), now = broadcast(factors[1]);
  sum.peak = peak;
  sum.total = __builtin_fmaf(sum.total, factors[0], chunk.total * factors[1]);
  for (int64_t c = 0; c < padded(in.value_dim); c += 16)
    store(sum.mixed + c, fma(load(sum.mixed + c), before, mul(load(chunk.mixed + c), now)));
}

// The result of a row and head: the sum of values over the sum of weights. A sink is one more weight, without a value.
static inline void finish(const Program& program, const Instruction& in, const Sum& sum, int64_t r, int64_t head) {
  alignas(64) float factors[16] = {};
  float weights = sum.total;
  f32x16 scale = broadcast(1.0f);
  if (in.sinks) {
    const float sink = reinterpret_cast<const float*>(in.sinks)[head] * LOG2_E, peak = sink > sum.peak ? sink : sum.peak;
    factors[0] = sum.peak - peak;
    factors[1] = sink - peak;
    store(factors, exp2_below(load(factors)));
    scale = broadcast(factors[0]);
    weights = __builtin_fmaf(weights, factors[0], factors[1]);
  }
  const f32x16 total = broadcast(weights);
  const int64_t at = head * in.value_dim;
  for (int64_t c = 0; c < in.value_dim; c += 16) {
    const f32x16 value = div(mul(load(sum.mixed + c), scale), total);
    if (in.narrow == NARROW_BFLOAT16) store_first(row<uint16_t>(program, in.out, r) + at + c, value, in.value_dim - c);
    else store_first(row<float>(program, in.out, r) + at + c, value, in.value_dim - c);
  }
}

// The first position that a row sees.
static inline int64_t oldest(const Step& step, const Instruction& in, int64_t r) {
  if (in.chunked) return step.positions[r] / in.window * in.window;
  return in.window && step.positions[r] >= in.window ? step.positions[r] - in.window + 1 : 0;
}

// The keys and values of a chunk's blocks for one kv head, from the first to the last that somebody sees.
template <class F>
struct Chunk {
  const typename F::Element* keys[CHUNK / BLOCK];
  const typename F::Element* values[CHUNK / BLOCK];
  const typename F::Element* next[CHUNK / BLOCK];  // keys of the chunk that follows, to be fetched; or these again

  // What is read `later` blocks of keys or values after the keys of block b, where blocks first .. last - 1 are.
  const typename F::Element* after(int first, int last, int b, int later) const {
    const int blocks = last - first, place = b - first + later;
    if (place < blocks) return keys[first + place];
    if (place < 2 * blocks) return values[first + place - blocks];
    return next[place < 3 * blocks ? first + place - 2 * blocks : last - 1];
  }
};

// score -> cap · tanh(score · scale / cap)
static inline void cap_scores(float* scores, int low, int high, float scale, float cap) {
  const f32x16 inward = broadcast(scale / cap), outward = broadcast(cap);
  for (int at = low / 16 * 16; at < high; at += 16) store(scores + at, mul(tanh(mul(load(scores + at), inward)), outward));
}

// scores · scale -> weights: 2^(score - largest), hidden ones 0; with their sum.
template <class F>
static inline void weigh(const Lines<typename F::Query>& lines, int h, float scale, const float* scores, typename F::Weights& weights) {
  const int low = lines.low[h], high = lines.high[h];
  const auto edge = [=](int at) { return at < low || at + 16 > high; };
  f32x16 peaks = broadcast(-__builtin_inff());
  for (int at = low / 16 * 16; at < high; at += 16) {
    const f32x16 score = load(scores + at);
    peaks = max(peaks, edge(at) ? keep(score, low - at, high - at, broadcast(-__builtin_inff())) : score);
  }
  const float peak = largest(peaks) * scale;
  f32x16 total = broadcast(0.0f), top = broadcast(0.0f);
  for (int at = low / 16 * 16; at < high; at += 16) {
    f32x16 weight = exp2_below(fma(load(scores + at), broadcast(scale), broadcast(-peak)));
    if (edge(at)) weight = keep(weight, low - at, high - at, broadcast(0.0f));
    total = add(total, F::keep_weights(weights, h, at, weight, top));
  }
  F::end_weights(lines, h, top, weights);
  lines.sum[h]->peak = peak;
  lines.sum[h]->total = sum(total);
}

// scores = scores · scale - slope · distance, in powers of two.
static inline void lean(float* scores, int low, int high, float scale, float slope, int own) {
  const float steps[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int at = low / 16 * 16; at < high; at += 16) {
    const f32x16 distance = sub(broadcast(float(own - at)), load(steps));
    store(scores + at, sub(mul(load(scores + at), broadcast(scale)), mul(distance, broadcast(slope * LOG2_E))));
  }
}

template <class F, int L, bool FETCH>
static void sum_chunk(const Lines<typename F::Query>& lines, const Chunk<F>& chunk, const Instruction& in) {
  alignas(64) float scores[LINES][CHUNK];
  typename F::Weights weights;  // scratch, as the scores: what is read of it was written before
  const int first = lines.first / BLOCK, last = (lines.last + BLOCK - 1) / BLOCK;
  const int later = F::later(in, last - first);
  const typename F::Element* ahead[CHUNK / BLOCK];
  for (int b = first; b < last; ++b) {
    if (FETCH) F::fetch_scales(chunk.values[b], chunk.next[b], in);
    F::template score_block<L, FETCH>(lines, chunk.keys[b], reinterpret_cast<const char*>(chunk.after(first, last, b, later)), in, scores[0] + b * BLOCK);
  }
  F::begin_weights(lines, chunk.values, in, weights);
  for (int h = 0; h < L; ++h) {
    const float factor = F::factor(*lines.query[h]);
    float scale = in.scale * LOG2_E * factor;  // of what the scores have become
    if (in.cap > 0.0f) cap_scores(scores[h], lines.low[h], lines.high[h], in.scale * factor, in.cap), scale = LOG2_E;
    if (in.slopes) lean(scores[h], lines.low[h], lines.high[h], scale, lines.slope[h], lines.own[h]), scale = 1.0f;
    weigh<F>(lines, h, scale, scores[h], weights);
  }
  for (int b = first; FETCH && b < last; ++b) ahead[b] = chunk.after(first, last, b, last - first + later);
  F::template mix<L, FETCH>(lines, chunk.values, ahead, in, weights);
}

template <class F>
static void sum_chunk(const Lines<typename F::Query>& lines, int count, const Chunk<F>& chunk, const Instruction& in, bool fetch) {
  with_count<LINES>(count, [&](auto some) {
    constexpr int L = decltype(some)::value;
    fetch ? sum_chunk<F, L, true>(lines, chunk, in) : sum_chunk<F, L, false>(lines, chunk, in);
  });
}

// Some rows of one sequence by some query heads of one kv head: at most MOST lines, row by row.
template <class F>
struct Item {
  const Program& program;
  const Step& step;
  const Instruction& in;
  const RowGroup& group;
  int64_t kv_head, head, heads;  // query heads head .. head + heads
  const typename F::Query* queries;  // of each line

  int64_t lines() const { return group.count * heads; }
  int64_t row_of(int64_t line) const { return group.first + line / heads; }
  int64_t head_of(int64_t line) const { return head + line % heads; }
};

template <class F>
static inline Chunk<F> find_chunk(const Item<F>& item, int64_t chunk, int64_t first, int64_t last) {
  Chunk<F> found{};
  const int32_t* table = block_table(item.program, item.step, item.in, item.group.first);
  const int32_t* starts = item.step.tables[item.in.tables].starts + item.program.row_sequence[item.group.first];
  const int64_t blocks = starts[1] - starts[0];
  const int64_t begin = chunk * (CHUNK / BLOCK), end = (last + BLOCK - 1) / BLOCK;
  // Behind the last chunk the keys of the group that follows are fetched, from the first that it sees.
  const Attending& attending = *item.step.attending;
  const RowGroup* following = &item.group + 1 < attending.group + attending.groups ? &item.group + 1 : nullptr;
  const int32_t* other = following ? block_table(item.program, item.step, item.in, following->first) : nullptr;
  const int64_t nearest = following ? oldest(item.step, item.in, following->first) / CHUNK * (CHUNK / BLOCK) : 0;
  const int64_t others = following ? item.step.positions[following->first] / BLOCK + 1 : 0;
  for (int64_t b = first / BLOCK; b < end; ++b) {
    const int64_t after = begin + b + CHUNK / BLOCK;
    auto* keys = keys_of<F>(item.in, table[begin + b], item.kv_head);
    const int32_t next = after < blocks ? table[after] : nearest + b < others ? other[nearest + b] : -1;
    found.keys[b] = keys;
    found.values[b] = F::values_of(keys, item.in);
    found.next[b] = next < 0 ? keys : keys_of<F>(item.in, next, item.kv_head);
  }
  return found;
}

// Sums up a chunk for every line that sees some of it, a few lines at a time; then calls done(line, its sum).
// `room(line, place)` says where a sum goes, `place` being its place among the few.
template <class F, class Room, class Done>
static inline void each_sum(const Item<F>& item, int64_t chunk, Room room, Done done) {
  int64_t line[MOST];
  int low[MOST], high[MOST];
  int count = 0, first = CHUNK, last = 0;
  for (int64_t i = 0; i < item.lines(); ++i) {
    const int64_t r = item.row_of(i), begin = oldest(item.step, item.in, r) - chunk * CHUNK, end = item.step.positions[r] + 1 - chunk * CHUNK;
    if (end <= 0 || begin >= CHUNK) continue;
    line[count] = i;
    low[count] = begin > 0 ? int(begin) : 0;
    high[count] = end < CHUNK ? int(end) : CHUNK;
    first = low[count] < first ? low[count] : first;
    last = high[count] > last ? high[count] : last;
    ++count;
  }
  if (!count) return;
  const Chunk<F> found = find_chunk(item, chunk, first, last);
  const int batches = (count + LINES - 1) / LINES, size = (count + batches - 1) / batches;
  for (int begin = 0; begin < count; begin += size) {
    const int few = count - begin < size ? count - begin : size;
    Lines<typename F::Query> lines{};
    for (int h = 0; h < few; ++h) {
      const int l = lines.low[h] = low[begin + h], e = lines.high[h] = high[begin + h];
      lines.query[h] = &item.queries[line[begin + h]];
      lines.sum[h] = room(line[begin + h], h);
      if (item.in.slopes) {
        lines.slope[h] = reinterpret_cast<const float*>(item.in.slopes)[item.head_of(line[begin + h])];
        lines.own[h] = int(item.step.positions[item.row_of(line[begin + h])] - chunk * CHUNK);
      }
      lines.first = l < lines.first ? l : lines.first;
      lines.last = e > lines.last ? e : lines.last;
      lines.inner_first = l > lines.inner_first ? l : lines.inner_first;
      lines.inner_last = e < lines.inner_last ? e : lines.inner_last;
    }
    sum_chunk<F>(lines, few, found, item.in, begin == 0);
    for (int h = 0; h < few; ++h) done(line[begin + h], *lines.sum[h]);
  }
}

// One chunk, its sums left in scratch.
template <class F>
static void attend_chunk(const Item<F>& item, int64_t chunk) {
  const int64_t begin = item.group.sums_begun + chunk * item.group.count;
  each_sum(
      item, chunk,
      [&](int64_t line, int) { return sum_at(item.in, item.program.sums, (begin + line / item.heads) * item.in.heads + item.head_of(line)); },
      [](int64_t, const Sum&) {});
}

// All chunks, and the result.
template <class F>
static void attend_all(const Item<F>& item) {
  constexpr int64_t LARGEST = sizeof(Sum) + HEAD_ROOM * sizeof(float);
  alignas(64) char sums[MOST * LARGEST], parts[LINES * LARGEST];
  for (int64_t i = 0; i < item.lines(); ++i) clear(*sum_at(item.in, sums, i), item.in);
  for (int64_t chunk = oldest(item.step, item.in, item.group.first) / CHUNK; chunk < item.group.chunks; ++chunk)
    each_sum(
        item, chunk, [&](int64_t, int place) { return sum_at(item.in, parts, place); },
        [&](int64_t line, const Sum& part) { add_chunk(*sum_at(item.in, sums, line), part, item.in); });
  for (int64_t i = 0; i < item.lines(); ++i) finish(item.program, item.in, *sum_at(item.in, sums, i), item.row_of(i), item.head_of(i));
}

template <class F>
static void attend(const Program& program, const Step& step, const Instruction& in, const RowGroup& group, int64_t kv_head, int64_t chunk) {
  const int64_t shared = in.heads / in.kv_heads, end = (kv_head + 1) * shared;
  for (int64_t head = kv_head * shared; head < end; head += LINES) {
    typename F::Query queries[MOST];
    const Item<F> item{program, step, in, group, kv_head, head, end - head < LINES ? end - head : LINES, queries};
    for (int64_t i = 0; i < item.lines(); ++i)
      F::prepare(row<float>(program, in.x, item.row_of(i)) + item.head_of(i) * in.head_dim, in, queries[i]);
    step.attending->split ? attend_chunk(item, chunk) : attend_all(item);
  }
}

// The last group whose `field` is not above `value`.
static inline const RowGroup& find_group(const Attending& attending, int32_t RowGroup::*field, int64_t value) {
  int32_t low = 0, high = attending.groups;
  while (high - low > 1) {
    const int32_t middle = (low + high) / 2;
    (attending.group[middle].*field <= value ? low : high) = middle;
  }
  return attending.group[low];
}

static int64_t attention_items(const Program&, const Step& step, const Instruction& in) {
  const Attending& attending = *step.attending;
  return int64_t(attending.split ? attending.chunks : attending.groups) * in.kv_heads;
}

static void attention_item(const Program& program, const Step& step, const Instruction& in, int64_t item) {
  const Attending& attending = *step.attending;
  const int64_t each = attending.split ? attending.chunks : attending.groups, kv_head = item / each, index = item % each;
  const RowGroup& group = attending.split ? find_group(attending, &RowGroup::chunks_begun, index) : attending.group[index];
  const int64_t chunk = index - group.chunks_begun;
  if (in.latent) switch (in.format) {
    case CACHE_FLOAT32: return attend<AttendLatentsFloat32>(program, step, in, group, kv_head, chunk);
    case CACHE_FLOAT16: return attend<AttendLatentsFloat16>(program, step, in, group, kv_head, chunk);
    default: return attend<AttendLatentsBfloat16>(program, step, in, group, kv_head, chunk);
  }
  switch (in.format) {
    case CACHE_FLOAT32: return attend<AttendFloat32>(program, step, in, group, kv_head, chunk);
    case CACHE_FLOAT16: return attend<AttendFloat16>(program, step, in, group, kv_head, chunk);
    case CACHE_BFLOAT16: return attend<AttendBfloat16>(program, step, in, group, kv_head, chunk);
    default: return attend<AttendInt8>(program, step, in, group, kv_head, chunk);
  }
}

static int64_t merge_items(const Program&, const Step& step, const Instruction& in) {
  return step.attending->split ? row_count(step, in) * in.heads : 0;
}

static void merge_item(const Program& program, const Step& step, const Instruction& in, int64_t index) {
  const int64_t r = index / in.heads, head = index % in.heads;
  const RowGroup& group = find_group(*step.attending, &RowGroup::first, r);
  alignas(64) char memory[sizeof(Sum) + HEAD_ROOM * sizeof(float)];
  Sum& sum = *sum_at(in, memory, 0);
  clear(sum, in);
  for (int64_t chunk = oldest(step, in, r) / CHUNK; chunk <= step.positions[r] / CHUNK; ++chunk)
    add_chunk(sum, *sum_at(in, program.sums, (group.sums_begun + chunk * group.count + r - group.first) * in.heads + head), in);
  finish(program, in, sum, r, head);
}

const OpKernel attention = {attention_items, attention_item};
const OpKernel merge = {merge_items, merge_item};

}  // namespace
