"""The header of one GGUF file, read without trusting it: every length is compared with what is left of the file, and
with a limit, before anything is allocated.

A file is: the letters GGUF; a version; how many tensors and how many entries of metadata there are; the entries, each a
name, a type and a value; the tensors, each a name, its axes from the innermost, a type and where it begins; then the
data, one tensor after the other, each at a multiple of the alignment. Reads no data; knows no key's meaning but the
alignment's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, prod
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np

from causerie.checkpoint.foreign_files import is_pointer, pointer_refusal
from causerie.checkpoint.gguf.block_types import BLOCK_TYPES, NO_MODEL_TYPES, PLAIN_TYPES, BlockType
from causerie.checkpoint.gguf.cursor import Cursor
from causerie.checkpoint.header import ELEMENTS, Entry, ReadBytes, shown
from causerie.checkpoint.index import DTYPES
from causerie.errors import Unsupported, WeightFileError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
HEADER_BYTES = 2**28
"""The most bytes of a header; the largest published ones have a twentieth."""
ENTRIES = 2**16
TENSORS = 2**17
AXES = 4
KEY_BYTES = 2**16 - 1
TEXT_BYTES = 2**24
"""Of one string; chat templates are the longest."""
TENSOR_NAME_BYTES = 2**10
ARRAY_TEXTS = 2**22
ARRAY_NUMBERS = 2**24
"""The most elements of an array; vocabularies have a fortieth."""
MOST_TEXTS = 2**23
"""Strings of all arrays together."""
ALIGNMENT, ALIGNMENT_KEY, LARGEST_ALIGNMENT = 32, "general.alignment", 2**20

_SCALARS: Mapping[int, tuple[str, str]] = {
    0: ("uint8", "<u1"),
    1: ("int8", "<i1"),
    2: ("uint16", "<u2"),
    3: ("int16", "<i2"),
    4: ("uint32", "<u4"),
    5: ("int32", "<i4"),
    6: ("float32", "<f4"),
    7: ("bool", "|b1"),
    10: ("uint64", "<u8"),
    11: ("int64", "<i8"),
    12: ("float64", "<f8"),
}
_STRUCTS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
_KINDS = {number: Struct(code) for number, code in _STRUCTS.items()}
_UINT32, _BOOL, _STRING, _ARRAY = 4, 7, 8, 9


@dataclass(frozen=True)
class GgufTensor:
    """One tensor as the file describes it: `entry` has rows of bytes where it is made of blocks."""

    entry: Entry
    block: BlockType | None


@dataclass(frozen=True)
class GgufHeader:
    """All that a file says about itself. Strings are str, numbers int, float or bool; arrays are tuples of strings, or
    arrays of numbers. Tensors in the order of their data."""

    version: int
    metadata: Mapping[str, Any] = field(repr=False)
    tensors: Mapping[str, GgufTensor] = field(repr=False)


def read_header(descriptor: int, file: Path) -> GgufHeader:
    """The checked header of an open file. Raises WeightFileError, one sentence naming file, field, value and limit;
    MissingFile for a git-LFS pointer in its place, Unsupported for a file that is one of GGUF but no model of ours."""
    return header_of(lambda offset, count: os.pread(descriptor, count, offset), os.fstat(descriptor).st_size, file)


def header_of(read: ReadBytes, size: int, file: Path) -> GgufHeader:
    """The same of a file of `size` bytes, wherever it lies."""
    cursor = Cursor(read, size, file, HEADER_BYTES)
    version = _version(cursor, read, size, file)
    tensor_count, entry_count = cursor.length("the number of tensors"), cursor.length("the number of metadata entries")
    for count, most, what in ((tensor_count, TENSORS, "tensors"), (entry_count, ENTRIES, "metadata entries")):
        if count > most:
            cursor.fail(f"the header declares {count} {what}, more than the {most} that a file may have")
    metadata = _metadata(cursor, entry_count)
    alignment = _alignment(cursor, metadata)
    described = _tensors(cursor, tensor_count, file)
    start = -(-cursor.place // alignment) * alignment
    tensors = _in_place(cursor, described, start, alignment, size, file)
    return GgufHeader(version, {key: value for key, (_, value) in metadata.items()}, tensors)


def _version(cursor: Cursor, read: ReadBytes, size: int, file: Path) -> int:
    beginning = read(0, 8)
    if is_pointer(beginning):
        raise pointer_refusal(file.parent, [file.name])
    if size < 24 or beginning[:4] != MAGIC:
        raise WeightFileError(
            f"{file} begins with {shown(beginning[:4].decode('latin-1'))} and has {size} bytes; a GGUF file begins "
            "with 'GGUF' and has 24 at least. It is damaged, or another kind of file: download it again."
        )
    cursor.count("the magic number")
    version = cursor.count("the version")
    if version not in VERSIONS and version & 0xFFFF == 0 and version:
        raise Unsupported(
            f"{file} was written for big-endian machines; little-endian GGUF is read here. Take the usual file of the "
            "model, or convert this one with gguf-py's gguf_convert_endian.py."
        )
    if version not in VERSIONS:
        raise Unsupported(
            f"{file} is GGUF in version {version}; {VERSIONS[0]} and {VERSIONS[1]} are read here. "
            + ("Take a newer file of the model." if version < VERSIONS[0] else "A newer release may read it.")
        )
    return version


def _metadata(cursor: Cursor, count: int) -> dict[str, tuple[int, Any]]:
    """The type and the value of each key."""
    entries: dict[str, tuple[int, Any]] = {}
    texts = 0
    for i in range(count):
        key = cursor.text(KEY_BYTES, f"the name of metadata entry {i}")
        if not key:
            cursor.fail(f"metadata entry {i} has an empty name")
        if key in entries:
            cursor.fail(f"metadata entry {shown(key)} is there twice")
        kind = cursor.count(f"the type of {shown(key)}")
        value = _array(cursor, key) if kind == _ARRAY else _value(cursor, key, kind)
        texts += len(value) if isinstance(value, tuple) else 1
        if texts > MOST_TEXTS:
            cursor.fail(f"metadata has more than {MOST_TEXTS} strings up to {shown(key)}")
        entries[key] = kind, value
    return entries


def _value(cursor: Cursor, key: str, kind: int) -> str | int | float | bool:
    if kind == _STRING:
        return cursor.text(TEXT_BYTES, f"metadata entry {shown(key)}")
    if kind not in _KINDS:
        cursor.fail(f"metadata entry {shown(key)} has type {kind}; types are numbered 0 to {max(_KINDS)}")
    value: int | float = cursor.number(_KINDS[kind], f"metadata entry {shown(key)}")
    if kind == _BOOL:
        if value > 1:
            cursor.fail(f"metadata entry {shown(key)} is a truth value and has the byte {value}; 0 and 1 can be")
        return bool(value)
    if not isfinite(value):
        cursor.fail(f"metadata entry {shown(key)} is {value}; finite numbers can be")
    return value


def _array(cursor: Cursor, key: str) -> Any:
    name = f"metadata entry {shown(key)}"
    kind, count = cursor.count(f"the type of the elements of {name}"), cursor.length(f"the length of {name}")
    if kind == _ARRAY:
        cursor.fail(f"{name} is an array of arrays, which no known key is")
    if kind != _STRING and kind not in _KINDS:
        cursor.fail(f"{name} has elements of type {kind}; types are numbered 0 to {max(_KINDS)}")
    most = ARRAY_TEXTS if kind == _STRING else ARRAY_NUMBERS
    if count > most:
        cursor.fail(f"{name} has {count} elements, more than the {most} that an array may have")
    if kind == _STRING:
        return cursor.texts(count, TEXT_BYTES, name)
    numbers = cursor.array(np.dtype(_SCALARS[kind][1] if kind != _BOOL else "u1"), count, name)
    if kind == _BOOL and (numbers > 1).any():
        cursor.fail(f"{name} has truth values beside 0 and 1")
    if numbers.dtype.kind == "f" and np.isnan(numbers).any():
        cursor.fail(f"{name} has NaN among its {count} numbers")
    return numbers.astype(np.bool_) if kind == _BOOL else numbers


def _alignment(cursor: Cursor, metadata: Mapping[str, tuple[int, Any]]) -> int:
    kind, value = metadata.get(ALIGNMENT_KEY, (_UINT32, ALIGNMENT))
    if kind != _UINT32:
        said = _SCALARS.get(kind, ("string" if kind == _STRING else "array",))[0]
        cursor.fail(f"metadata entry {ALIGNMENT_KEY!r} is of type {said}; uint32 is expected")
    if not 1 <= value <= LARGEST_ALIGNMENT or value & (value - 1):
        cursor.fail(f"metadata entry {ALIGNMENT_KEY!r} is {value}; a power of two to {LARGEST_ALIGNMENT} is expected")
    return int(value)


def _tensors(cursor: Cursor, count: int, file: Path) -> dict[str, GgufTensor]:
    """The tensors as they are described, offsets still counted from the start of the data."""
    tensors: dict[str, GgufTensor] = {}
    for i in range(count):
        name = cursor.text(TENSOR_NAME_BYTES, f"the name of tensor {i}")
        if not name:
            cursor.fail(f"tensor {i} has an empty name")
        if name in tensors:
            cursor.fail(f"tensor {shown(name)} is there twice")
        tensors[name] = _described(cursor, f"tensor {shown(name)}", file)
    return tensors


def _described(cursor: Cursor, name: str, file: Path) -> GgufTensor:
    axes = cursor.count(f"the number of axes of {name}")
    if not 1 <= axes <= AXES:
        cursor.fail(f"{name} has {axes} axes; 1 to {AXES} can be")
    sizes = [cursor.length(f"axis {i} of {name}") for i in range(axes)]
    if prod(size or 1 for size in sizes) > ELEMENTS:
        cursor.fail(f"{name} has axes of {sizes}, more than {ELEMENTS} elements")
    number, begin = cursor.count(f"the type of {name}"), cursor.length(f"the offset of {name}")
    block = BLOCK_TYPES.get(number)
    if number in NO_MODEL_TYPES:
        raise Unsupported(
            f"{file}: {name} is of type {NO_MODEL_TYPES[number]}, which newer files of models do not have. Take one "
            "that was made lately, as Q4_K_M or Q8_0."
        )
    if block is None and number not in PLAIN_TYPES:
        cursor.fail(f"{name} is of type number {number}; known are 0 to {max(BLOCK_TYPES)}")
    shape = tuple(reversed(sizes))
    if block is None:
        dtype = PLAIN_TYPES[number]
        return GgufTensor(Entry(shape, dtype, begin, begin + prod(shape) * DTYPES[dtype].itemsize), None)
    if sizes[0] % block.elements:
        cursor.fail(f"{name} has rows of {sizes[0]} elements; {block.name} has blocks of {block.elements}")
    rows = (*shape[:-1], shape[-1] // block.elements * block.nbytes)
    return GgufTensor(Entry(rows, "U8", begin, begin + prod(rows)), block)


def _in_place(
    cursor: Cursor, described: Mapping[str, GgufTensor], start: int, alignment: int, size: int, file: Path
) -> dict[str, GgufTensor]:
    """The tensors with offsets counted from the start of the file: each begins where the one before it ends, at the
    next multiple of the alignment."""
    expected = 0
    for name, tensor in described.items():
        if tensor.entry.begin != expected:
            cursor.fail(
                f"tensor {shown(name)} begins at byte {tensor.entry.begin} of the data; by the tensors before it and "
                f"the alignment of {alignment} it is {expected}"
            )
        expected = -(-tensor.entry.end // alignment) * alignment
    tensors: dict[str, GgufTensor] = {}
    for name, tensor in described.items():
        entry = replace(tensor.entry, begin=start + tensor.entry.begin, end=start + tensor.entry.end)
        if entry.end > size:
            raise WeightFileError(
                f"{file}: tensor {shown(name)} ends at byte {entry.end} and the file at {size}; its download did not "
                "finish. Delete it and download it again."
            )
        tensors[name] = replace(tensor, entry=entry)
    return tensors
