"""GGUF files made byte by byte, good ones and bad ones: nothing is written but what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from struct import pack
from typing import Any

from causerie.checkpoint.gguf.block_types import BLOCK_TYPES, PLAIN_TYPES
from causerie.checkpoint.index import DTYPES

UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = range(13)
CODES = dict(zip((*range(8), 10, 11, 12), "BbHhIif?QqdX"[:11], strict=True))
SIZES = {
    **{number: (1, DTYPES[name].itemsize) for number, name in PLAIN_TYPES.items()},
    **{number: (block.elements, block.nbytes) for number, block in BLOCK_TYPES.items()},
}


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return pack("<Q", len(data)) + data


def entry(key: str | bytes, kind: int, value: Any) -> bytes:
    """A metadata entry; of an array, `value` is the kind of its elements and these, or bytes as they are."""
    return text(key) + pack("<I", kind) + _value(kind, value)


def _value(kind: int, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if kind == STRING:
        return text(value)
    if kind == ARRAY:
        of, each = value
        return pack("<IQ", of, len(each)) + b"".join(_value(of, item) for item in each)
    return pack("<" + CODES[kind], value)


@dataclass
class Tensor:
    """A tensor as a file describes it, its axes from the innermost; `offset` where it is not where it should be."""

    name: str | bytes
    axes: Sequence[int]
    kind: int = 0
    data: bytes | None = None
    offset: int | None = None
    count: int | None = None  # of its axes

    @property
    def nbytes(self) -> int:
        elements, nbytes = SIZES[self.kind]
        return prod(self.axes) // elements * nbytes


@dataclass
class GgufFile:
    """All of a file; what is given in place of a number is written as it is."""

    entries: list[bytes] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    version: int = 3
    magic: bytes = b"GGUF"
    alignment: int = 32
    entry_count: int | None = None
    tensor_count: int | None = None
    cut: int = 0  # bytes that are missing at the end
    end: bytes = b""

    def header(self) -> bytes:
        """Up to the data."""
        tensors = len(self.tensors) if self.tensor_count is None else self.tensor_count
        entries = len(self.entries) if self.entry_count is None else self.entry_count
        parts = [self.magic, pack("<IQQ", self.version, tensors, entries), *self.entries]
        begin = 0
        for tensor in self.tensors:
            count = len(tensor.axes) if tensor.count is None else tensor.count
            offset = begin if tensor.offset is None else tensor.offset
            axes = b"".join(pack("<Q", size % 2**64) for size in tensor.axes)
            parts.append(text(tensor.name) + pack("<I", count) + axes + pack("<IQ", tensor.kind, offset % 2**64))
            if tensor.kind in SIZES:
                begin += -(-tensor.nbytes // self.alignment) * self.alignment
        return b"".join(parts)

    def data(self) -> bytes:
        """What follows the header, from the byte on at which that is whole."""
        parts = []
        for tensor in self.tensors:
            own = bytes(tensor.nbytes) if tensor.data is None else tensor.data
            parts.append(own + bytes(-len(own) % self.alignment))
        return b"".join(parts)

    def write(self, path: Path) -> Path:
        """Writes it, and gives its path."""
        header = self.header()
        whole = header + bytes(-len(header) % self.alignment) + self.data() + self.end
        path.write_bytes(whole[: len(whole) - self.cut])
        return path


def metadata() -> list[bytes]:
    """An entry of each kind."""
    return [
        entry("general.architecture", STRING, "llama"),
        *(entry(f"number.{kind}", kind, kind) for kind in CODES if kind not in (BOOL, FLOAT32, FLOAT64)),
        entry("number.float", FLOAT32, 0.5),
        entry("number.double", FLOAT64, -2.5),
        entry("truth", BOOL, True),
        entry("texts", ARRAY, (STRING, ["", "a", "ü€"])),
        entry("numbers", ARRAY, (FLOAT32, [1.5, -2.0])),
        entry("whole numbers", ARRAY, (INT32, [-1, 2, 3])),
        entry("truths", ARRAY, (BOOL, [True, False])),
        entry("nothing", ARRAY, (UINT8, [])),
    ]
