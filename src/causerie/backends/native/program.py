"""The form in which C++ reads a traced decoder, a step and a weight to pack: src/abi.h, field by field.

Knows neither how a program comes about (trace.py) nor what an instruction does (src/kernels_*.cpp).
"""

from __future__ import annotations

import ctypes
from enum import IntEnum

import numpy as np

PANEL = 64  # output rows of a matrix that lie side by side in memory
BLOCK = 32  # positions in a cache block
CHUNK = 256  # positions that attention sums up apart
SUM_HEADER = 16  # floats of such a sum before its values
MAX_HEAD_DIM = 512
MAX_PARTS = 4  # matrices that one instruction multiplies


class Op(IntEnum):
    """What an instruction does; the order is abi.h's."""

    EMBED = 0
    NORM = 1
    ROUND = 2
    LINEAR = 3
    ROTATE = 4
    ATTENTION = 5
    GLU = 6
    ADD = 7
    SELECT = 8
    MERGE = 9


class Layout(IntEnum):
    """How a matrix lies in the arena."""

    ROWS = 0
    PANELS = 1
    PACKED = 2  # bfloat16 panels in 12 bits, losslessly: src/packed.h


NUMBERS = {"float32": 0, "float16": 1, "bfloat16": 2, "int8": 3, "int4": 4, "bnb_int8": 6}
NUMBERS |= dict.fromkeys(("nf4", "nf4_double", "fp4", "fp4_double"), 5)
CACHE_NUMBERS = {"float32": 0, "float16": 1, "bfloat16": 2, "int8": 3}
ACTIVATIONS = {"silu": 0, "gelu": 1, "gelu_tanh": 2}
TOKENS, WANTED = 0, 1  # what an instruction's rows are: the step's tokens, or the rows whose logits are wanted

PART = np.dtype(
    [("weight", "u8"), ("bias", "u8"), ("out", "i4"), ("rows", "i4"), ("format", "i4"), ("layout", "i4")], align=True
)
INSTRUCTION = np.dtype(
    [
        *((name, "i4") for name in ("op", "counted", "x", "y", "z", "out", "narrow", "width", "length", "act")),
        *((name, "i4") for name in ("heads", "kv_heads", "head_dim", "dims", "window", "rope", "format", "layout")),
        ("parts_used", "i4"),
        ("eps", "f4"),
        ("scale", "f4"),
        ("unused", "i4"),
        ("address", "u8"),
        ("block_bytes", "u8"),
        ("block_stride", "u8"),
        ("parts", PART, (MAX_PARTS,)),
    ],
    align=True,
)
BUFFER = np.dtype([("data", "u8"), ("stride", "i8")], align=True)
PACKED_PANEL = np.dtype(
    [
        ("data", "u8"),
        ("escapes", "u8"),
        ("escape_count", "u4"),
        ("plain", "u4"),
        ("exponents", "u1", (16,)),
        ("unused", "u1", (24,)),
    ],
    align=True,
)
ESCAPE = np.dtype([("at", "u4"), ("value", "u4")])
LAYER_CACHE = np.dtype([("address", "u8"), ("block_bytes", "u8"), ("block_stride", "u8")], align=True)


ATTENDING = np.dtype([(name, "i4") for name in ("groups", "chunks", "split", "room")], align=True)
ROW_GROUP = np.dtype(
    [(name, "i4") for name in ("first", "count", "chunks", "chunks_begun", "sums_begun", "unused")], align=True
)


class Program(ctypes.Structure):
    """Addresses of the arrays above and their lengths."""

    _fields_ = [
        ("instructions", ctypes.c_void_p),
        ("buffers", ctypes.c_void_p),
        ("layers", ctypes.c_void_p),
        ("row_sequence", ctypes.c_void_p),
        ("sums", ctypes.c_void_p),
        ("instruction_count", ctypes.c_int32),
        ("layer_count", ctypes.c_int32),
        ("logits_buffer", ctypes.c_int32),
        ("blocks", ctypes.c_int32),
        ("max_tokens", ctypes.c_int32),
        ("vocab", ctypes.c_int32),
        ("threads", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    ]


class StepArguments(ctypes.Structure):
    """backends/step.py's Step as addresses and lengths."""

    _fields_ = [
        ("tokens_count", ctypes.c_int32),
        ("sequences", ctypes.c_int32),
        ("wanted_count", ctypes.c_int32),
        ("copies_count", ctypes.c_int32),
        ("tables_count", ctypes.c_int32),
        ("unused", ctypes.c_int32),
        ("tokens", ctypes.c_void_p),
        ("positions", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
        ("tables", ctypes.c_void_p),
        ("table_starts", ctypes.c_void_p),
        ("wanted", ctypes.c_void_p),
        ("copies", ctypes.c_void_p),
        ("rotations", ctypes.c_void_p),
        ("logits", ctypes.c_void_p),
        ("attending", ctypes.c_void_p),
    ]


class Packing(ctypes.Structure):
    """A slice of rows on its way into the arena."""

    _fields_ = [
        ("source", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("zero", ctypes.c_void_p),
        ("unit", ctypes.c_void_p),
        ("target", ctypes.c_uint64),
        ("first", ctypes.c_int64),
        ("rows", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("source_format", ctypes.c_int32),
        ("target_format", ctypes.c_int32),
        ("layout", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    ]


LAYOUT_SIZES = (
    PART.itemsize,
    INSTRUCTION.itemsize,
    BUFFER.itemsize,
    LAYER_CACHE.itemsize,
    ATTENDING.itemsize,
    ROW_GROUP.itemsize,
    ctypes.sizeof(Program),
    ctypes.sizeof(StepArguments),
    ctypes.sizeof(Packing),
    PACKED_PANEL.itemsize,
    ESCAPE.itemsize,
)
"""Bytes of each structure, compared with the library's when it is loaded."""
