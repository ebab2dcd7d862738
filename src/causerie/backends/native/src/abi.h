// What Python and the kernels share: the layout of a program and of a step. Plain C types without gaps between fields.
// describe.cpp tells Python all of it by name: an enumeration's members, a structure's fields, the constants.
#pragma once
#include <stdint.h>

enum Op : int32_t {
  OP_EMBED, OP_NORM, OP_ROUND, OP_LINEAR, OP_ROTATE, OP_ATTENTION, OP_GLU, OP_ADD, OP_SELECT, OP_MERGE,
  OP_ROUTE, OP_GROUP, OP_GATHER, OP_EXPERT_LINEAR, OP_COMBINE, OP_WEIGH,  // a mixture of experts: kernels_experts.cpp
  OP_SHORT_CONV, OP_TRANSFORM, OP_POSITIONS, OP_ACTIVATE, OP_CLIP, OP_SOFTCAP,
  OP_DELTA_INPUTS, OP_DELTA,  // the gated delta rule: kernels_delta.cpp
  OP_COLUMNS, OP_TIMES, OP_KEEP_LATENT,
  OP_CAUSAL_CONV, OP_MAMBA2, OP_MAMBA,  // recurrences: kernels_mamba2.cpp, kernels_mamba.cpp
  OP_GATE_HEADS, OP_XIELU, OP_SHARE, OP_FETCH,
  OP_BLEND, OP_LEVELED, OP_EXCESS,  // streams of activations, and what of a row is far above its mean: kernels_streams.cpp
  OP_COUNT
};
// CODES: a quantized matrix, of which CodePanels says more.
enum Number : int32_t { FLOAT32, FLOAT16, BFLOAT16, CODES, NUMBER_COUNT };
// How the scales of a quantized matrix lie in its panels: a byte counts units, of which each row has one.
// Steps are a byte that counts the float16 that several groups share.
enum Scale : int32_t {
  SCALE_BFLOAT16, SCALE_FLOAT32, SCALE_BYTE, SCALE_EXPONENT, SCALE_FLOAT16, SCALE_STEPS, SCALE_SIGNED_STEPS, SCALE_COUNT
};
// What stands beside a scale: nothing, a zero point in sixteenths of a step (a byte), what is added to parts of a step
// (int32), or a value that is added (float32, or 16 bits), or such a value as steps of a float16 that several groups share; or a whole
// number that is subtracted (a byte).
enum Zero : int32_t {
  ZERO_NONE, ZERO_SIXTEENTHS, ZERO_PARTS, ZERO_LOW, ZERO_FLOAT16, ZERO_BFLOAT16, ZERO_BYTE, ZERO_STEPS, ZERO_SIGNED_STEPS, ZERO_COUNT
};
enum CacheNumber : int32_t { CACHE_FLOAT32, CACHE_FLOAT16, CACHE_BFLOAT16, CACHE_INT8, CACHE_NUMBER_COUNT };
// Rows as in the checkpoint; panels of PANEL rows with k outermost (kernels_pack.cpp); bfloat16 panels in 12 bits (packed.h).
enum Layout : int32_t { ROWS, PANELS, PACKED, LAYOUT_COUNT };
enum Activation : int32_t { SILU, GELU, GELU_TANH, CLAMPED_SWISH, RELU, RELU2, SIGMOID, SOFTPLUS, LIMITED_SWISH, ACTIVATION_COUNT };
enum Scoring : int32_t { SCORING_SOFTMAX, SCORING_SIGMOID, SCORING_SPARSEMIXER, SCORING_COUNT };  // what a router makes of scores
// What the rows of an instruction are: the step's tokens; the rows of which something is wanted; of these the first, whose
// logits are, or the others, whose hidden states are.
enum Counted : int32_t { TOKENS_COUNTED, OUTPUTS_COUNTED, LOGITS_COUNTED, STATES_COUNTED, COUNTED_COUNT };
// How an instruction writes its result: as it computes, narrowed, or in 8 bits with scales (quantized.h); or so once elements
// are multiplied and each 64 of them turned (hadamard.h).
enum Narrow : int32_t { NARROW_NOT, NARROW_BFLOAT16, NARROW_CODES, NARROW_EVENED, NARROW_COUNT };
// The kinds of products that peak.cpp measures.
enum Arithmetic : int32_t { ARITHMETIC_FLOAT32, ARITHMETIC_BFLOAT16, ARITHMETIC_INT8, ARITHMETIC_COUNT };
// What is wrong with a step: check.cpp.
enum Fault : int32_t {
  STEP_OK,
  TOO_MANY_TOKENS,
  BAD_STARTS,
  BAD_TABLE_STARTS,
  TOKEN_OUTSIDE_VOCABULARY,
  NEGATIVE_POSITION,
  TABLE_TOO_SHORT,
  BLOCK_OUTSIDE_CACHE,
  COPY_OUTSIDE_CACHE,
  SLOT_OUTSIDE_CACHE,
  SLOT_SHARED,
  ROW_OUTSIDE_STEP,
  TOO_MANY_ROWS,
  EXPERT_UNREAD,
  FAULT_COUNT,
};
// What is wrong with records of a file: records.h.
enum RecordFault : int32_t { RECORDS_OK, FILE_ENDED, NOT_FINITE, NO_MEMORY, RECORD_FAULT_COUNT };

constexpr int ABI_VERSION = 30;  // raised when a function's arguments or the meaning of a field changes
constexpr int PANEL = 64;        // output rows of a weight that lie side by side
constexpr int BLOCK = 32;        // positions in a cache block
constexpr int CHUNK = 256;       // positions, counted from 0, that attention sums up apart before sums are added in order
constexpr int GROUP_ROWS = 8;    // rows of one sequence that read keys and values together
constexpr int HEAD_ROOM = 576;   // elements of a head, or of a latent with its key, that the scratch of the attention kernels holds
constexpr int E4M3_TABLE = 2;    // CodePanels::tabled of bytes of E4M3: their table, and products, are of 2^-8 of what they stand for
constexpr int EXPERT_ROOM = 1024;  // experts of a layer, at most
constexpr int STATE_ROOM = 256;    // numbers that a channel of mamba keeps, at most

// How a quantized matrix lies in its panels, and by which arithmetic it is multiplied: code_panels.h.
struct CodePanels {
  int32_t bits;         // of a code: 4, 5, 6 or 8
  int32_t tabled;       // whether codes name values of a table (whole numbers where there is an input_group), or are numbers themselves
  int32_t group;        // inputs that share a scale
  int32_t input_group;  // and that do as activations, which are read in 8 bits; 0: they are read as they are, or by E4M3_TABLE as bfloat16
  int32_t scale;        // a Scale
  int32_t zero;         // a Zero
  int32_t center;       // the code, or the whole number of a table, that stands for 0, but for what `zero` adds
  int32_t parts;        // of ZERO_PARTS: what a step is cut into
  float factor;         // of whole rows, and of whole numbers of a table: what sums are multiplied with in the end
  int32_t stepped;      // inputs that share the float16 that steps are of; 0 where there are none
};

// One matrix of a linear: [rows, width] in panels, its bias padded to whole panels (or 0), the buffer it fills.
struct Part {
  uint64_t weight;
  uint64_t bias;
  int32_t out;
  int32_t rows;
  int32_t format;
  int32_t layout;
  int32_t expert;  // expert_linear: whose rows it multiplies
  int32_t panels;  // of CODES: which of Program::panels
  int32_t column, out_column;  // linear: where the inputs that it reads begin in a row of x, and what it gives in one of out
};

// Every operation reads the fields it needs; the rest are 0. Buffers are indexes into Program::buffers.
struct Instruction {
  int32_t op;
  int32_t counted;    // what its rows are: a Counted
  int32_t times;      // and how many there are of each: 1, or an expert's for each choice of a row
  int32_t x, y, z, w;  // inputs
  int32_t out;
  int32_t narrow;     // how out is written: a Narrow
  int32_t group;      // of NARROW_CODES: elements that share a scale
  int32_t width;      // elements in a row of x; columns: of out; linear, expert_linear: inputs of a matrix
  int32_t length;     // norm: elements in a group; times: factors; gate_heads: of a head; gather: bytes of a row; short_conv, causal_conv, delta_inputs: taps;
                      // transform: elements turned together, or 0; linear, expert_linear: elements in a row of x; blend: of a piece;
                      // mamba2: numbers of a head's state for each of its elements; mamba: of a channel's; embed: rows of a table that lacks some tokens, or 0;
                      // fetch: experts of the layer that comes after, or 0
  int32_t act;        // glu, activate, gate_heads: an Activation
  int32_t heads, kv_heads, head_dim;  // norm: heads is how many groups have weights and biases of their own, in turns; mamba2
  int32_t dims;       // rotate: how many leading elements of a head turn; none where it is 0
  int32_t window;     // attention: positions a token sees, itself included; 0 = all
  int32_t rope;       // rotate: which of Step::rotations, for keys
  int32_t query_rope;  // and for queries
  int32_t tables;     // rotate, attention: which of Step::tables
  int32_t format;     // embed, positions: the table's Number; rotate, attention: a CacheNumber
  int32_t layout;     // embed, positions: the table's Layout
  int32_t panels;     // embed, positions: of CODES, which of Program::panels
  int32_t first_part, part_count;  // linear, expert_linear: its matrices, in Program::parts
  int32_t experts;    // group, fetch, expert_linear: how many there are
  int32_t active;     // route, group, expert_linear, combine: how many each row goes to; fetch: in the layer that comes after
  int32_t scoring;    // route: a Scoring
  int32_t divided;    // route: whether shares are divided by their sum
  int32_t groups, open_groups;  // route: of experts, and how many of them a row may use; mamba2: groups of heads that share B and C;
                                // blend: pieces of y; leveled: of out
  int32_t centered;   // norm: whether the mean is taken off
  int32_t offset;     // positions: rows of the table before that of position 0; columns: the first of x; fetch: the number of the
                      // layer's first expert, behind all of which those of the layer that comes after begin
  int32_t value_dim;  // rotate, attention: elements of a value; delta_inputs, delta: of a value's head; heads are of values, kv_heads and head_dim of keys
  int32_t latent;     // attention: whether values are the beginnings of keys, and not kept besides
  int32_t best;       // route: how many experts of a group say what it counts
  int32_t chunked;    // attention: whether what a token sees begins at a multiple of the window
  int32_t plain;      // combine: whether results are added up as they are, and not by their shares; blend: whether there are constants only
  int32_t unused;
  float eps;          // norm, rotate, delta_inputs; route: the least that shares are divided by; mamba2: the least step;
                      // leveled: the least mean square of a piece
  float scale;        // delta_inputs: of queries; attention, softcap: of what is capped; add: of y; embed: of its rows; clip: the limit; route: of shares;
                      // glu, CLAMPED_SWISH: the slope; mamba2: of steps as they are projected; excess: standard deviations
  float cap;          // attention: of its scores, softcap: of its elements; 0 = none
  float limit;        // glu, CLAMPED_SWISH and LIMITED_SWISH; route: what the sum of shares begins with, or of SPARSEMIXER how near a score must
                      // be; mamba2: the largest step
  uint64_t address;      // norm: weight or 0; embed, positions: table; rotate, attention, keep_latent: the layer's cache; short_conv,
                         // causal_conv, delta_inputs: taps; delta: logarithms of the heads' rates; transform: the order, or 0;
                         // mamba2: of each head, the logarithm of how fast its state shrinks; mamba: of each of its numbers;
                         // xielu: a number of what is above 0
  uint64_t factors;      // transform: what elements are multiplied with once they are in order, or 0; times: what they are multiplied
                         // with; route: what the share of each expert is, or 0; causal_conv: what each channel is multiplied with
                         // before it, or 0; mamba2: of each head, how much of x goes past its state; mamba: of each channel;
                         // xielu: of what is below 0; blend: what is added to the factors of a row, or 0
  uint64_t sinks;         // attention: of each head a score that no value belongs to, or 0
  uint64_t block_bytes;   // rotate, attention: bytes of one cache block of the layer
  uint64_t block_stride;  // and from block to block
  uint64_t bias;          // norm; short_conv, causal_conv: of each channel; delta, mamba2: of the heads' steps; route: what is added where
                          // experts are chosen; or 0
  uint64_t slots;         // short_conv, causal_conv, delta_inputs, delta, mamba2, mamba: what the operation keeps in slot 0
  uint64_t slot_stride;   // and from slot to slot, in bytes
  uint64_t slopes;        // attention: a float for each head, or 0
  uint64_t q_norm, k_norm;  // rotate: weights of the norms of what has turned, or 0
  uint64_t evening;       // of NARROW_EVENED: what elements are multiplied with
  uint64_t choices;       // group: an int64 for each expert: how many rows have chosen it so far
};

// One of the experts that a row goes to.
struct Route {
  int32_t expert;
  int32_t place;  // its row among those of all experts
  float share;    // of its result in the row's
};

struct Buffer {
  uint64_t data;
  int64_t stride;  // bytes from row to row
};

struct LayerCache {
  uint64_t address;
  uint64_t block_bytes;   // of one block
  uint64_t block_stride;  // from block to block
  int32_t tables;         // which of Step::tables says where its blocks are
  int32_t unused;
};

// Layers whose blocks are found by one table.
struct PageGroup {
  int32_t blocks;
  int32_t window;  // positions a token sees, itself included; 0 = all
};

// Rows first .. first + count of one sequence. Their `chunks` begin at position 0 and hold the last row's; `begun` chunks,
// and sums of a row over a chunk, belong to the groups before.
struct RowGroup {
  int32_t first, count, chunks, chunks_begun, sums_begun, unused;
};

// How attention is shared out in a step: by chunk (`split`) where there is room for all sums, else by group.
struct Attending {
  int32_t groups, chunks, split, room;  // room: sums of a row over a chunk
  RowGroup group[];                     // [max_tokens]
};

// What attention sums up over some positions for one query head: the largest score (in powers of two), the sum of the
// weights, and the weighted sum of values.
struct Sum {
  float peak, total;
  float unused[14];
  float mixed[];  // [value_dim padded to 16]
};

struct Program {
  const Instruction* instructions;
  const Part* parts;  // of all instructions
  const CodePanels* panels;
  Buffer* buffers;
  const LayerCache* layers;  // those that keep pages
  const PageGroup* groups;
  int32_t* row_sequence;  // scratch [max_tokens]: which sequence a row belongs to
  int32_t* place_rows;    // scratch: by place of a Route, the row that goes there
  int32_t* expert_starts; // scratch [experts + 1]: the first place of each expert, and the end
  int32_t* expert_items;  // scratch [parts + 1]: of an expert_linear, the first item of each of its parts, and the end
  int32_t* slot_writers;  // scratch [slots]: the sequence that writes to it
  void* sums;             // scratch: Attending::room rows of sums of all heads
  void* store;            // an ExpertStore, where experts stay in their file
  int32_t instruction_count;
  int32_t layer_count;
  int32_t group_count;
  int32_t slots;  // 0 where no layer keeps one
  int32_t logits_buffer, states_buffer;  // their data is the step's
  int32_t max_tokens;
  int32_t vocab;
  int32_t threads;  // of the pool: how finely work is cut, never what comes out
  int32_t unused;
};

// A stretch of a file in which matrices of an expert lie, and where it comes to lie in a slot. `needed` of its bytes are theirs.
struct StoredPiece {
  int64_t begin, bytes, needed, at;
  int32_t file;  // its descriptor
  int32_t unused;
};

// A matrix of an expert: the Part that says where it lies, and where that is in a slot.
struct StoredMatrix {
  uint64_t part;
  int64_t at;
};

struct StoredExpert {
  int32_t first_piece, piece_count, first_matrix, matrix_count;
};

// Experts that stay in their file, and memory for some of them: expert_store.h.
struct StoreArguments {
  const StoredPiece* pieces;
  const StoredMatrix* matrices;
  const StoredExpert* experts;
  uint64_t memory;  // of `slots` experts
  int64_t slot_bytes;
  int32_t expert_count, slots, readers, unused;  // readers: threads that read
};

// backends/step.py's BlockTables, flat.
struct BlockTables {
  const int32_t* blocks;
  const int32_t* starts;
  const int32_t* copies;
  int32_t blocks_count, copies_count;
};

// backends/step.py's Step, flat.
struct Step {
  int32_t tokens_count, sequences, wanted_count, logits_count;
  const int32_t* tokens;
  const int32_t* positions;
  const int32_t* starts;
  const BlockTables* tables;  // of each of Program::groups
  const int32_t* slots;       // of each sequence the one that is read, or -1, and the one that is written
  const int32_t* wanted;      // logits_count rows whose logits are wanted, then those whose states are; each kind ascends
  const float* const* rotations;
  float* logits;
  float* states;
  Attending* attending;  // filled by check
};

// How codes lie in the bytes of a format's reference layout: in runs, each code put together from planes of bits.
struct CodeBits {
  const int32_t* begins;     // [planes][run]: the bit of a run at which those of a code begin
  const int32_t* stretches;  // [planes][run]: how many codes from this one on lie at the same bit of bytes that follow one
                             // another; below 0 where this one and seven more are the bits of a byte
  int32_t run, run_bytes, planes;
  int32_t flip;           // what turns a code in two's complement into one that counts from 0
  int32_t bits[8];        // of each plane, the lowest of a code first
};

// A slice of a checkpoint's tensor on its way into the arena: rows first .. first + rows of a [total, width] matrix.
struct Packing {
  const void* source;  // [rows, width], contiguous; of a quantized matrix its codes
  const CodeBits* codes;     // of a quantized matrix: how they lie there
  const CodePanels* panels;  // and how they are to lie; the rest as numbers that panels hold
  const void* scale;   // [rows, groups]
  const void* zero;    // the same, or null
  const void* unit;    // bfloat16 [rows], or the float16 that steps are of [rows, width / stepped], or null
  const void* low_unit;  // the same of steps that are added, or null
  uint64_t target;     // where the whole weight begins
  int64_t first, rows, width;
  int32_t source_format, target_format, layout, unused;
};

// Where in a record of a file the numbers of one array of a Packing lie, and what becomes of each.
struct RecordField {
  const CodeBits* bits;  // of numbers that are no whole bytes, or null; each becomes a byte
  const uint8_t* table;  // which one, by code, or null: the code itself
  int32_t begin, bytes;  // in a record; no bytes: there is no such array
  int32_t size;          // of a number, in bytes; 2: a float16, which is to be finite
  int32_t repeated;      // groups of panels that share one
  int32_t flip;          // what the bits of a float16 are turned by
  int32_t unused;
};

// A whole matrix, as rows of records that lie in a file one after the other: records.h.
struct RecordRows {
  const Packing* packing;     // without arrays: they are read
  const RecordField* fields;  // in the order of RECORD_ARRAYS
  int64_t begin;              // of the first row in the file
  int32_t file;               // its descriptor
  int32_t record_bytes, record_inputs, unused;
};

// Rows on their way into codes with a scale and a zero point for each group of 32 inputs: kernels_fit.cpp.
struct Quantizing {
  const float* rows;    // [count, width]
  const float* costs;   // [width]: what an error of a weight of each input costs
  const float* shares;  // of a group's range that codes first span
  float* steps;         // scratch [count, groups]
  float* zeros;         // the same
  uint8_t* codes;       // [count, width]
  uint8_t* scale;       // [count, groups]
  uint8_t* zero;        // the same
  uint16_t* unit;       // bfloat16 [count]
  int64_t count, width;
  int32_t share_count, rounds;
  int32_t top;          // the largest code
  float most_zero;      // the largest zero point, in steps
  float smallest;       // a group within less than this is held as zeros
  int32_t parts;        // of a step, which zero points are counted in
};

// A tensor packed losslessly begins with a table of these, one per 64 rows: packed.h.
struct PackedPanel {
  uint64_t data;     // packed steps, or plain ones of 256 bytes
  uint64_t escapes;  // array of Escape
  uint32_t escape_count;
  uint32_t plain;
  uint8_t exponents[16];
  uint8_t unused[24];
};

struct Escape {
  uint32_t at;  // STEP_WEIGHTS · step + weight in the step
  uint32_t value;
};

constexpr int RECORD_ARRAYS = 5;   // source, scale, zero, unit, low_unit

constexpr int64_t STEP_WEIGHTS = 2 * PANEL;  // of one step over a packed or a plain panel: two inputs
constexpr int64_t PACKED_STEP = STEP_WEIGHTS * 12 / 8, PLAIN_STEP = STEP_WEIGHTS * 2;  // bytes
