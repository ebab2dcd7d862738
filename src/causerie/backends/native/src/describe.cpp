// Tells Python what abi.h says, by name: description.py makes its types from it, so that nobody copies a layout by hand.
//
// The description is JSON: {"constants": {name: number}, "enumerations": {name: {member: number}}, "structures": {name:
// {"bytes": size, "fields": {name: [type, count, offset]}}}}, a type being numpy's code without byte order ("i4"). What
// abi.h has and a list here lacks does not compile.
#include <stddef.h>

#include <string>
#include <type_traits>
#include <utility>

#include "abi.h"

namespace {

struct Member {
  const char* name;
  int64_t number;
};

struct Field {
  const char* name;
  const char* type;
  size_t count, offset, bytes;
};

template <class T>
constexpr const char* code_of() {
  if constexpr (std::is_pointer_v<T> || std::is_same_v<T, uint64_t>) return "u8";
  else if constexpr (std::is_same_v<T, int64_t>) return "i8";
  else if constexpr (std::is_same_v<T, int32_t>) return "i4";
  else if constexpr (std::is_same_v<T, uint32_t>) return "u4";
  else if constexpr (std::is_same_v<T, uint8_t>) return "u1";
  else if constexpr (std::is_same_v<T, float>) return "f4";  // a type without a code does not compile
}

template <class T>
constexpr Field field(const char* name, size_t offset) {
  using One = std::remove_extent_t<T>;
  return {name, code_of<One>(), sizeof(T) / sizeof(One), offset, sizeof(T)};
}

// Whether the fields are all of a structure, in order: each begins where the one before ends, and the last ends it.
template <size_t N>
constexpr bool fills(const Field (&fields)[N], size_t bytes) {
  size_t end = 0;
  for (const Field& each : fields) {
    if (each.offset != end) return false;
    end += each.bytes;
  }
  return end == bytes;
}

// Whether the members are all of an enumeration that counts from 0, in order.
template <size_t N>
constexpr bool counts(const Member (&members)[N], int64_t count) {
  for (size_t i = 0; i < N; ++i)
    if (members[i].number != int64_t(i)) return false;
  return int64_t(N) == count;
}

constexpr Member CONSTANTS[] = {
    {"ABI_VERSION", ABI_VERSION}, {"PANEL", PANEL}, {"BLOCK", BLOCK}, {"CHUNK", CHUNK}, {"HEAD_ROOM", HEAD_ROOM}, {"EXPERT_ROOM", EXPERT_ROOM}, {"E4M3_TABLE", E4M3_TABLE}, {"STATE_ROOM", STATE_ROOM}, {"RECORD_ARRAYS", RECORD_ARRAYS},
    {"STEP_WEIGHTS", STEP_WEIGHTS}, {"PACKED_STEP", PACKED_STEP}, {"PLAIN_STEP", PLAIN_STEP}};

constexpr Member OPS[] = {{"EMBED", OP_EMBED}, {"NORM", OP_NORM}, {"ROUND", OP_ROUND}, {"LINEAR", OP_LINEAR},
    {"ROTATE", OP_ROTATE}, {"ATTENTION", OP_ATTENTION}, {"GLU", OP_GLU}, {"ADD", OP_ADD}, {"SELECT", OP_SELECT},
    {"MERGE", OP_MERGE}, {"ROUTE", OP_ROUTE}, {"GROUP", OP_GROUP}, {"GATHER", OP_GATHER},
    {"EXPERT_LINEAR", OP_EXPERT_LINEAR}, {"COMBINE", OP_COMBINE}, {"WEIGH", OP_WEIGH},
    {"SHORT_CONV", OP_SHORT_CONV}, {"TRANSFORM", OP_TRANSFORM}, {"POSITIONS", OP_POSITIONS}, {"ACTIVATE", OP_ACTIVATE},
    {"CLIP", OP_CLIP}, {"SOFTCAP", OP_SOFTCAP},
    {"DELTA_INPUTS", OP_DELTA_INPUTS}, {"DELTA", OP_DELTA},
    {"COLUMNS", OP_COLUMNS}, {"TIMES", OP_TIMES}, {"KEEP_LATENT", OP_KEEP_LATENT},
    {"CAUSAL_CONV", OP_CAUSAL_CONV}, {"MAMBA2", OP_MAMBA2}, {"MAMBA", OP_MAMBA},
    {"GATE_HEADS", OP_GATE_HEADS}, {"XIELU", OP_XIELU}, {"SHARE", OP_SHARE}, {"FETCH", OP_FETCH},
    {"BLEND", OP_BLEND}, {"LEVELED", OP_LEVELED}, {"EXCESS", OP_EXCESS}};
constexpr Member NUMBERS[] = {{"FLOAT32", FLOAT32}, {"FLOAT16", FLOAT16}, {"BFLOAT16", BFLOAT16}, {"CODES", CODES}};
constexpr Member SCALES[] = {{"BFLOAT16", SCALE_BFLOAT16}, {"FLOAT32", SCALE_FLOAT32}, {"BYTE", SCALE_BYTE}, {"EXPONENT", SCALE_EXPONENT},
    {"FLOAT16", SCALE_FLOAT16}, {"STEPS", SCALE_STEPS}, {"SIGNED_STEPS", SCALE_SIGNED_STEPS}};
constexpr Member ZEROS[] = {{"NONE", ZERO_NONE}, {"SIXTEENTHS", ZERO_SIXTEENTHS}, {"PARTS", ZERO_PARTS}, {"LOW", ZERO_LOW},
    {"FLOAT16", ZERO_FLOAT16}, {"BFLOAT16", ZERO_BFLOAT16}, {"BYTE", ZERO_BYTE}, {"STEPS", ZERO_STEPS}, {"SIGNED_STEPS", ZERO_SIGNED_STEPS}};
constexpr Member CACHE_NUMBERS[] = {{"FLOAT32", CACHE_FLOAT32}, {"FLOAT16", CACHE_FLOAT16},
    {"BFLOAT16", CACHE_BFLOAT16}, {"INT8", CACHE_INT8}};
constexpr Member LAYOUTS[] = {{"ROWS", ROWS}, {"PANELS", PANELS}, {"PACKED", PACKED}};
constexpr Member ACTIVATIONS[] = {{"SILU", SILU}, {"GELU", GELU}, {"GELU_TANH", GELU_TANH},
    {"CLAMPED_SWISH", CLAMPED_SWISH}, {"RELU", RELU}, {"RELU2", RELU2}, {"SIGMOID", SIGMOID}, {"SOFTPLUS", SOFTPLUS},
    {"LIMITED_SWISH", LIMITED_SWISH}};
constexpr Member SCORINGS[] = {{"SOFTMAX", SCORING_SOFTMAX}, {"SIGMOID", SCORING_SIGMOID},
    {"SPARSEMIXER", SCORING_SPARSEMIXER}};
constexpr Member COUNTED[] = {{"TOKENS", TOKENS_COUNTED}, {"OUTPUTS", OUTPUTS_COUNTED},
    {"LOGITS", LOGITS_COUNTED}, {"STATES", STATES_COUNTED}};
constexpr Member NARROWS[] = {{"NOT", NARROW_NOT}, {"BFLOAT16", NARROW_BFLOAT16}, {"CODES", NARROW_CODES}, {"EVENED", NARROW_EVENED}};
constexpr Member ARITHMETICS[] = {{"FLOAT32", ARITHMETIC_FLOAT32}, {"BFLOAT16", ARITHMETIC_BFLOAT16},
    {"INT8", ARITHMETIC_INT8}};
#define FAULT(name) {#name, name}
constexpr Member FAULTS[] = {FAULT(STEP_OK), FAULT(TOO_MANY_TOKENS), FAULT(BAD_STARTS), FAULT(BAD_TABLE_STARTS),
    FAULT(TOKEN_OUTSIDE_VOCABULARY), FAULT(NEGATIVE_POSITION), FAULT(TABLE_TOO_SHORT), FAULT(BLOCK_OUTSIDE_CACHE), FAULT(COPY_OUTSIDE_CACHE),
    FAULT(SLOT_OUTSIDE_CACHE), FAULT(SLOT_SHARED), FAULT(ROW_OUTSIDE_STEP), FAULT(TOO_MANY_ROWS), FAULT(EXPERT_UNREAD)};
constexpr Member RECORD_FAULTS[] = {FAULT(RECORDS_OK), FAULT(FILE_ENDED), FAULT(NOT_FINITE), FAULT(NO_MEMORY)};
static_assert(counts(RECORD_FAULTS, RECORD_FAULT_COUNT));
static_assert(counts(OPS, OP_COUNT) && counts(NUMBERS, NUMBER_COUNT) && counts(CACHE_NUMBERS, CACHE_NUMBER_COUNT));
static_assert(counts(SCALES, SCALE_COUNT) && counts(ZEROS, ZERO_COUNT));
static_assert(counts(LAYOUTS, LAYOUT_COUNT) && counts(ACTIVATIONS, ACTIVATION_COUNT) && counts(COUNTED, COUNTED_COUNT));
static_assert(counts(NARROWS, NARROW_COUNT) && counts(ARITHMETICS, ARITHMETIC_COUNT) && counts(FAULTS, FAULT_COUNT));
static_assert(counts(SCORINGS, SCORING_COUNT));

#define FIELD(name) field<decltype(Owner::name)>(#name, offsetof(Owner, name))
template <class T> struct Fields;
#define CAUSERIE_STRUCTURE(type, ...)                       \
  template <> struct Fields<type> {                         \
    using Owner = type;                                     \
    static constexpr Field all[] = {__VA_ARGS__};           \
    static_assert(fills(all, sizeof(type)), "abi.h has a field of " #type " that is not described, or in another order"); \
  }

CAUSERIE_STRUCTURE(Part, FIELD(weight), FIELD(bias), FIELD(out), FIELD(rows), FIELD(format), FIELD(layout),
    FIELD(expert), FIELD(panels), FIELD(column), FIELD(out_column));
CAUSERIE_STRUCTURE(CodePanels, FIELD(bits), FIELD(tabled), FIELD(group), FIELD(input_group), FIELD(scale), FIELD(zero),
    FIELD(center), FIELD(parts), FIELD(factor), FIELD(stepped));
CAUSERIE_STRUCTURE(CodeBits, FIELD(begins), FIELD(stretches), FIELD(run), FIELD(run_bytes), FIELD(planes), FIELD(flip), FIELD(bits));
CAUSERIE_STRUCTURE(Instruction, FIELD(op), FIELD(counted), FIELD(times), FIELD(x), FIELD(y), FIELD(z), FIELD(w), FIELD(out), FIELD(narrow),
    FIELD(group), FIELD(width), FIELD(length), FIELD(act), FIELD(heads), FIELD(kv_heads), FIELD(head_dim), FIELD(dims),
    FIELD(window), FIELD(rope), FIELD(query_rope), FIELD(tables), FIELD(format), FIELD(layout), FIELD(panels), FIELD(first_part),
    FIELD(part_count), FIELD(experts), FIELD(active), FIELD(scoring), FIELD(divided), FIELD(groups), FIELD(open_groups),
    FIELD(centered), FIELD(offset), FIELD(value_dim), FIELD(latent), FIELD(best), FIELD(chunked), FIELD(plain), FIELD(unused), FIELD(eps), FIELD(scale), FIELD(cap), FIELD(limit), FIELD(address),
    FIELD(factors), FIELD(sinks), FIELD(block_bytes), FIELD(block_stride), FIELD(bias), FIELD(slots), FIELD(slot_stride),
    FIELD(slopes), FIELD(q_norm), FIELD(k_norm), FIELD(evening), FIELD(choices));
CAUSERIE_STRUCTURE(Route, FIELD(expert), FIELD(place), FIELD(share));
CAUSERIE_STRUCTURE(Buffer, FIELD(data), FIELD(stride));
CAUSERIE_STRUCTURE(LayerCache, FIELD(address), FIELD(block_bytes), FIELD(block_stride), FIELD(tables), FIELD(unused));
CAUSERIE_STRUCTURE(PageGroup, FIELD(blocks), FIELD(window));
CAUSERIE_STRUCTURE(RowGroup, FIELD(first), FIELD(count), FIELD(chunks), FIELD(chunks_begun), FIELD(sums_begun), FIELD(unused));
CAUSERIE_STRUCTURE(Attending, FIELD(groups), FIELD(chunks), FIELD(split), FIELD(room));
CAUSERIE_STRUCTURE(Sum, FIELD(peak), FIELD(total), FIELD(unused));
CAUSERIE_STRUCTURE(Program, FIELD(instructions), FIELD(parts), FIELD(panels), FIELD(buffers), FIELD(layers), FIELD(groups),
    FIELD(row_sequence), FIELD(place_rows), FIELD(expert_starts), FIELD(expert_items), FIELD(slot_writers), FIELD(sums), FIELD(store), FIELD(instruction_count),
    FIELD(layer_count), FIELD(group_count), FIELD(slots), FIELD(logits_buffer), FIELD(states_buffer), FIELD(max_tokens), FIELD(vocab),
    FIELD(threads), FIELD(unused));
CAUSERIE_STRUCTURE(StoredPiece, FIELD(begin), FIELD(bytes), FIELD(needed), FIELD(at), FIELD(file), FIELD(unused));
CAUSERIE_STRUCTURE(StoredMatrix, FIELD(part), FIELD(at));
CAUSERIE_STRUCTURE(StoredExpert, FIELD(first_piece), FIELD(piece_count), FIELD(first_matrix), FIELD(matrix_count));
CAUSERIE_STRUCTURE(StoreArguments, FIELD(pieces), FIELD(matrices), FIELD(experts), FIELD(memory), FIELD(slot_bytes),
    FIELD(expert_count), FIELD(slots), FIELD(readers), FIELD(unused));
CAUSERIE_STRUCTURE(BlockTables, FIELD(blocks), FIELD(starts), FIELD(copies), FIELD(blocks_count), FIELD(copies_count));
CAUSERIE_STRUCTURE(Step, FIELD(tokens_count), FIELD(sequences), FIELD(wanted_count), FIELD(logits_count), FIELD(tokens),
    FIELD(positions), FIELD(starts), FIELD(tables), FIELD(slots), FIELD(wanted), FIELD(rotations), FIELD(logits), FIELD(states),
    FIELD(attending));
CAUSERIE_STRUCTURE(Packing, FIELD(source), FIELD(codes), FIELD(panels), FIELD(scale), FIELD(zero), FIELD(unit), FIELD(low_unit), FIELD(target), FIELD(first),
    FIELD(rows), FIELD(width), FIELD(source_format), FIELD(target_format), FIELD(layout), FIELD(unused));
CAUSERIE_STRUCTURE(RecordField, FIELD(bits), FIELD(table), FIELD(begin), FIELD(bytes), FIELD(size), FIELD(repeated), FIELD(flip), FIELD(unused));
CAUSERIE_STRUCTURE(RecordRows, FIELD(packing), FIELD(fields), FIELD(begin), FIELD(file), FIELD(record_bytes), FIELD(record_inputs), FIELD(unused));
CAUSERIE_STRUCTURE(Quantizing, FIELD(rows), FIELD(costs), FIELD(shares), FIELD(steps), FIELD(zeros), FIELD(codes), FIELD(scale),
    FIELD(zero), FIELD(unit), FIELD(count), FIELD(width), FIELD(share_count), FIELD(rounds), FIELD(top), FIELD(most_zero), FIELD(smallest),
    FIELD(parts));
CAUSERIE_STRUCTURE(PackedPanel, FIELD(data), FIELD(escapes), FIELD(escape_count), FIELD(plain), FIELD(exponents), FIELD(unused));
CAUSERIE_STRUCTURE(Escape, FIELD(at), FIELD(value));

// JSON of names and numbers, whose objects are opened and closed by the caller.
class Text {
 public:
  void open(const char* name) { key(name) += '{', first_ = true; }
  void close() { text_ += '}', first_ = false; }
  void number(const char* name, int64_t value) { key(name) += std::to_string(value); }
  void field(const Field& each) {
    key(each.name) += std::string("[\"") + each.type + "\"," + std::to_string(each.count) + ',' + std::to_string(each.offset) + ']';
  }
  template <size_t N>
  void members(const char* name, const Member (&all)[N]) {
    open(name);
    for (const Member& each : all) number(each.name, each.number);
    close();
  }
  template <class T>
  void structure(const char* name) {
    open(name);
    number("bytes", sizeof(T));
    open("fields");
    for (const Field& each : Fields<T>::all) field(each);
    close();
    close();
  }
  std::string take() { return std::move(text_); }

 private:
  std::string& key(const char* name) {
    if (!first_) text_ += ',';
    first_ = false;
    return text_.append("\"").append(name).append("\":");
  }

  std::string text_;
  bool first_ = true;
};

std::string describe() {
  Text text;
  text.members("constants", CONSTANTS);
  text.open("enumerations");
  text.members("Op", OPS);
  text.members("Number", NUMBERS);
  text.members("Scale", SCALES);
  text.members("Zero", ZEROS);
  text.members("CacheNumber", CACHE_NUMBERS);
  text.members("Layout", LAYOUTS);
  text.members("Activation", ACTIVATIONS);
  text.members("Scoring", SCORINGS);
  text.members("Counted", COUNTED);
  text.members("Narrow", NARROWS);
  text.members("Arithmetic", ARITHMETICS);
  text.members("Fault", FAULTS);
  text.members("RecordFault", RECORD_FAULTS);
  text.close();
  text.open("structures");
  text.structure<Part>("Part");
  text.structure<CodePanels>("CodePanels");
  text.structure<CodeBits>("CodeBits");
  text.structure<Instruction>("Instruction");
  text.structure<Route>("Route");
  text.structure<Buffer>("Buffer");
  text.structure<LayerCache>("LayerCache");
  text.structure<PageGroup>("PageGroup");
  text.structure<RowGroup>("RowGroup");
  text.structure<Attending>("Attending");
  text.structure<Sum>("Sum");
  text.structure<Program>("Program");
  text.structure<StoredPiece>("StoredPiece");
  text.structure<StoredMatrix>("StoredMatrix");
  text.structure<StoredExpert>("StoredExpert");
  text.structure<StoreArguments>("StoreArguments");
  text.structure<BlockTables>("BlockTables");
  text.structure<Step>("Step");
  text.structure<Packing>("Packing");
  text.structure<RecordField>("RecordField");
  text.structure<RecordRows>("RecordRows");
  text.structure<Quantizing>("Quantizing");
  text.structure<PackedPanel>("PackedPanel");
  text.structure<Escape>("Escape");
  text.close();
  return '{' + text.take() + '}';
}

}  // namespace

// JSON that lives as long as the library.
extern "C" __attribute__((visibility("default"))) const char* causerie_description() noexcept {
  static const std::string text = describe();
  return text.c_str();
}
