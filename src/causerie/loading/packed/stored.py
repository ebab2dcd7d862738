"""Arrays of a packed format as other arrays hold them: expressions over tensors of a checkpoint that give its bytes.

Knows no program that quantizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.bfloat16 import widen
from causerie.checkpoint.expression import ALL, Derived, Shape, ShapeError
from causerie.checkpoint.index import DTYPES, TensorIndex
from causerie.quant.tables import E8M0


@dataclass(frozen=True)
class Stored(Derived):
    """What is made of one expression, and is called as that is."""

    @property
    def key(self) -> str:
        """Of the tensor."""
        return self.of.key


@dataclass(frozen=True)
class FlatBytes(Stored):
    """The bytes of a whole tensor, one after the other, whatever numbers they are stored as."""

    def shape(self, index: TensorIndex) -> Shape:
        """As many as there are."""
        return (sum(index.info(name).nbytes for name in self.tensors),)

    def dtype(self, index: TensorIndex) -> str:
        """Bytes."""
        return "U8"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole numbers of the tensor; of their one axis, there are no columns."""
        (name,) = self.tensors
        info = index.info(name)
        first, last, _ = rows.indices(info.nbytes)
        size = info.array_dtype.itemsize
        begin = first // size
        numbers = index.read(name, slice(begin, -(-last // size)), (prod(info.shape),))
        return numbers.view(np.uint8)[first - begin * size : last - begin * size]


@dataclass(frozen=True)
class RowBytes(Stored):
    """The bytes of each row of a matrix of wider numbers, or of bytes that a file calls by another name; the first
    `count` of them, where words reach beyond a row's end."""

    count: int | None = None

    def shape(self, index: TensorIndex) -> Shape:
        """Rows, and bytes of one."""
        *leading, width = self.of.shape(index)
        stored = width * DTYPES[self.of.dtype(index)].itemsize
        return (*leading, stored if self.count is None else min(self.count, stored))

    def dtype(self, index: TensorIndex) -> str:
        """Bytes."""
        return "U8"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole rows."""
        words = np.ascontiguousarray(self.of.read(index, rows))
        return words.view(np.uint8).reshape(len(words), -1)[:, : self.count][:, columns]


@dataclass(frozen=True)
class CountedFromZero(Stored):
    """Bytes in two's complement as bytes that count from the lowest."""

    def shape(self, index: TensorIndex) -> Shape:
        """The same."""
        return self.of.shape(index)

    def dtype(self, index: TensorIndex) -> str:
        """Bytes."""
        return "U8"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """The other sign bit."""
        return np.asarray(self.of.read(index, rows, columns).view(np.uint8) ^ np.uint8(0x80))


@dataclass(frozen=True)
class Float32(Stored):
    """Numbers of fewer bits as float32: float16, bfloat16, or powers of two of which the exponent is stored."""

    def shape(self, index: TensorIndex) -> Shape:
        """The same."""
        return self.of.shape(index)

    def dtype(self, index: TensorIndex) -> str:
        """Every number of fewer bits is one of these."""
        return "F32"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Widened."""
        part, stored = self.of.read(index, rows, columns), self.of.dtype(index)
        if stored in ("U8", "F8_E8M0"):
            return np.asarray(np.array(E8M0, np.float32)[part])
        return widen(part) if stored == "BF16" else part.astype(np.float32, copy=False)


@dataclass(frozen=True)
class Repeated(Stored):
    """Numbers that blocks of a matrix share, once for each row, and for each of `groups` in it: of blocks `rows` high
    and `columns` groups wide, the last of which may be cut. Of a vector (without `groups`) one for each row."""

    count: int  # rows of the matrix
    rows: int
    groups: int | None = None
    columns: int = 1

    def shape(self, index: TensorIndex) -> Shape:
        """A number for each group of each row."""
        stored = self.of.shape(index)
        if (blocks := -(-self.count // self.rows)) != (stored[0] if stored else 1):
            raise ShapeError(f"{blocks} rows")
        return (self.count,) if self.groups is None else (self.count, self.groups)

    def dtype(self, index: TensorIndex) -> str:
        """The same."""
        return self.of.dtype(index)

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads the rows of blocks that these rows lie in."""
        first, last, _ = rows.indices(self.count)
        begin = first // self.rows
        blocks = slice(begin, -(-last // self.rows)) if self.of.shape(index) else ALL
        stored = np.atleast_1d(self.of.read(index, blocks))
        part = stored.reshape(len(stored), -1)[np.arange(first, last) // self.rows - begin]
        if self.groups is None:
            return np.ascontiguousarray(part[:, 0])
        return np.ascontiguousarray(part[:, np.arange(self.groups) // self.columns][:, columns])
