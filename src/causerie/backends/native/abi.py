"""What Python uses of the compiled kernels, by name. The numbers, sizes and places are the library's to tell
(description.py reads them); here is what is missing, or new, in a library built from other sources.

Knows no library file. The C++ side is src/abi.h.
"""

from __future__ import annotations

from enum import Enum, auto

from causerie.backends.native.description import Description

ABI_VERSION = 30  # raised with abi.h's, where names alone would not tell a change


class Op(Enum):
    """What an instruction does."""

    EMBED = auto()
    NORM = auto()
    ROUND = auto()
    LINEAR = auto()
    ROTATE = auto()
    ATTENTION = auto()
    GLU = auto()
    ADD = auto()
    SELECT = auto()
    MERGE = auto()
    ROUTE = auto()  # of a mixture of experts: src/kernels_experts.cpp
    GROUP = auto()
    GATHER = auto()
    EXPERT_LINEAR = auto()
    COMBINE = auto()
    WEIGH = auto()
    SHORT_CONV = auto()
    TRANSFORM = auto()
    POSITIONS = auto()
    ACTIVATE = auto()
    CLIP = auto()
    SOFTCAP = auto()
    DELTA_INPUTS = auto()  # of the gated delta rule: src/kernels_delta.cpp
    DELTA = auto()
    COLUMNS = auto()
    TIMES = auto()
    KEEP_LATENT = auto()
    CAUSAL_CONV = auto()
    MAMBA2 = auto()
    MAMBA = auto()
    GATE_HEADS = auto()
    XIELU = auto()
    SHARE = auto()
    FETCH = auto()  # of experts that stay in their file: src/expert_store.h
    BLEND = auto()  # of streams: src/kernels_streams.cpp
    LEVELED = auto()
    EXCESS = auto()


class Number(Enum):
    """How a matrix's elements are kept."""

    FLOAT32 = auto()
    FLOAT16 = auto()
    BFLOAT16 = auto()
    CODES = auto()  # of a packed format: quantized.py


class Scale(Enum):
    """How the scales of a quantized matrix lie in its panels."""

    BFLOAT16 = auto()
    FLOAT32 = auto()
    BYTE = auto()  # counting units, of which each row has one
    EXPONENT = auto()  # a byte, of a power of two
    FLOAT16 = auto()
    STEPS = auto()  # a byte that counts a float16 that several groups share
    SIGNED_STEPS = auto()


class Zero(Enum):
    """What stands beside a scale there."""

    NONE = auto()
    SIXTEENTHS = auto()  # a zero point, a byte
    PARTS = auto()  # what is added to parts of a step, int32
    LOW = auto()  # a value that is added, float32
    FLOAT16 = auto()  # the same
    BFLOAT16 = auto()
    BYTE = auto()  # a whole number that is subtracted
    STEPS = auto()  # a value that is added: a byte that counts a float16 that several groups share
    SIGNED_STEPS = auto()


class CacheNumber(Enum):
    """How keys and values are kept: CACHE_FORMATS in capital letters."""

    FLOAT32 = auto()
    FLOAT16 = auto()
    BFLOAT16 = auto()
    INT8 = auto()


class Layout(Enum):
    """How a matrix lies in the arena."""

    ROWS = auto()
    PANELS = auto()
    PACKED = auto()  # bfloat16 panels in 12 bits, losslessly: src/packed.h


class Activation(Enum):
    """The functions of spec/mlp.py in capital letters, and its classes."""

    SILU = auto()
    GELU = auto()
    GELU_TANH = auto()
    CLAMPED_SWISH = auto()
    RELU = auto()
    RELU2 = auto()
    SIGMOID = auto()
    SOFTPLUS = auto()
    LIMITED_SWISH = auto()


class Scoring(Enum):
    """Those of spec/router.py in capital letters."""

    SOFTMAX = auto()
    SIGMOID = auto()
    SPARSEMIXER = auto()


class Counted(Enum):
    """What an instruction's rows are."""

    TOKENS = auto()  # the step's
    OUTPUTS = auto()  # those of which something is wanted
    LOGITS = auto()  # the first of these
    STATES = auto()  # the others


class Narrow(Enum):
    """How a result is written."""

    NOT = auto()  # as it is computed, in float32
    BFLOAT16 = auto()
    CODES = auto()  # in 8 bits, with a scale for each group of elements
    EVENED = auto()  # so, once elements are multiplied and turned, 64 by 64


class Arithmetic(Enum):
    """The kinds of products whose speed is measured."""

    FLOAT32 = auto()
    BFLOAT16 = auto()
    INT8 = auto()


class Fault(Enum):
    """What is wrong with a step."""

    STEP_OK = auto()
    TOO_MANY_TOKENS = auto()
    BAD_STARTS = auto()
    BAD_TABLE_STARTS = auto()
    TOKEN_OUTSIDE_VOCABULARY = auto()
    NEGATIVE_POSITION = auto()
    TABLE_TOO_SHORT = auto()
    BLOCK_OUTSIDE_CACHE = auto()
    COPY_OUTSIDE_CACHE = auto()
    SLOT_OUTSIDE_CACHE = auto()
    SLOT_SHARED = auto()
    ROW_OUTSIDE_STEP = auto()
    TOO_MANY_ROWS = auto()
    EXPERT_UNREAD = auto()


class RecordFault(Enum):
    """What is wrong with records of a file."""

    RECORDS_OK = auto()
    FILE_ENDED = auto()
    NOT_FINITE = auto()
    NO_MEMORY = auto()


ENUMERATIONS: tuple[type[Enum], ...] = (
    Op,
    Number,
    Scale,
    Zero,
    CacheNumber,
    Layout,
    Activation,
    Scoring,
    Counted,
    Narrow,
    Arithmetic,
    Fault,
    RecordFault,
)
CONSTANTS = (
    "PANEL BLOCK CHUNK HEAD_ROOM EXPERT_ROOM E4M3_TABLE STATE_ROOM RECORD_ARRAYS STEP_WEIGHTS PACKED_STEP PLAIN_STEP"
)
FIELDS = {
    "Part": "weight bias out rows format layout expert panels column out_column",
    "CodePanels": "bits tabled group input_group scale zero center parts factor stepped",
    "CodeBits": "begins stretches run run_bytes planes flip bits",
    "Instruction": "op counted times x y z w out narrow group width length act heads kv_heads head_dim dims window "
    "rope query_rope tables format layout panels first_part part_count experts active scoring divided groups "
    "open_groups centered offset value_dim latent best chunked plain eps scale cap limit address factors sinks "
    "block_bytes block_stride bias slots slot_stride slopes q_norm k_norm evening choices",
    "Route": "expert place share",
    "Buffer": "data stride",
    "LayerCache": "address block_bytes block_stride tables",
    "PageGroup": "blocks window",
    "RowGroup": "first count chunks chunks_begun sums_begun",
    "Attending": "groups chunks split room",
    "Sum": "peak total",
    "Program": "instructions parts panels buffers layers groups row_sequence place_rows expert_starts "
    "expert_items slot_writers sums store "
    "instruction_count layer_count group_count slots logits_buffer states_buffer max_tokens vocab threads",
    "StoredPiece": "begin bytes needed at file",
    "StoredMatrix": "part at",
    "StoredExpert": "first_piece piece_count first_matrix matrix_count",
    "StoreArguments": "pieces matrices experts memory slot_bytes expert_count slots readers",
    "BlockTables": "blocks starts copies blocks_count copies_count",
    "Step": "tokens_count sequences wanted_count logits_count tokens positions starts tables slots wanted rotations "
    "logits states attending",
    "Packing": "source codes panels scale zero unit low_unit target first rows width source_format target_format "
    "layout",
    "RecordField": "bits table begin bytes size repeated flip",
    "RecordRows": "packing fields begin file record_bytes record_inputs",
    "Quantizing": "rows costs shares steps zeros codes scale zero unit count width share_count rounds top most_zero "
    "smallest parts",
    "PackedPanel": "data escapes escape_count plain exponents",
    "Escape": "at value",
}
"""Of each structure; in no order. Fields called "unused" only fill up."""


def disagreements(described: Description) -> list[str]:
    """In what the library and Python differ, in words, all of it; empty where they agree."""
    version = described.constants.get("ABI_VERSION")
    told = [f"its version is {version} and not {ABI_VERSION}"] if version != ABI_VERSION else []
    lacking = [name for name in CONSTANTS.split() if name not in described.constants]
    told += [f"it lacks the constant {name}" for name in lacking]
    for enumeration in ENUMERATIONS:
        kind = enumeration.__name__
        told += _differences(set(enumeration.__members__), set(described.enumerations.get(kind, ())), kind)
    for structure, fields in FIELDS.items():
        there = described.structures[structure].fields if structure in described.structures else ()
        told += _differences(set(fields.split()), set(there) - {"unused"}, structure)
    return told


def _differences(ours: set[str], theirs: set[str], owner: str) -> list[str]:
    lacks = [f"it lacks {owner}.{name}" for name in sorted(ours - theirs)]
    return lacks + [f"it has {owner}.{name}, which Python does not know" for name in sorted(theirs - ours)]
