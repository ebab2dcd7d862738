"""Further expressions over tensors, that files of other programs need: rows and columns in another order, and numbers
that are said outside of tensors. Knows no model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import ALL, Derived, Shape, ShapeError, Transposed
from causerie.checkpoint.index import TensorIndex


@dataclass(frozen=True)
class RowBlocks(Derived):
    """Rows in blocks of `size`, in another order: block i is block order[i] of the inner one, which has as many."""

    whole_rows = True

    size: int
    order: tuple[int, ...]

    @property
    def key(self) -> str:
        """Of the tensor, in the other order."""
        return f"{self.of.key}[rows in blocks of {self.size}, reordered]"

    def shape(self, index: TensorIndex) -> Shape:
        """The same."""
        whole = self.of.shape(index)
        if whole[0] != len(self.order) * self.size:
            raise ShapeError(f"{len(self.order) * self.size} rows")
        return whole

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads the blocks that these rows are of, each at its place."""
        first, last, _ = rows.indices(self.shape(index)[0])
        parts = [self.of.read(index, slice(start, stop), columns) for start, stop in self._parts(first, last)]
        return np.concatenate(parts) if parts else self.of.read(index, slice(0, 0), columns)

    def _parts(self, first: int, last: int) -> list[tuple[int, int]]:
        """The rows of the inner one, block after block."""
        blocks = range(first // self.size, -(-last // self.size))
        within = ((max(first - b * self.size, 0), min(last - b * self.size, self.size)) for b in blocks)
        return [
            (self.order[block] * self.size + start, self.order[block] * self.size + stop)
            for block, (start, stop) in zip(blocks, within, strict=True)
        ]


@dataclass(frozen=True)
class ColumnBlocks(Derived):
    """Columns in blocks of `size`, in another order: block i is block order[i] of the inner one, which has as many."""

    size: int
    order: tuple[int, ...]

    @property
    def key(self) -> str:
        """Of the tensor, in the other order."""
        return f"{self.of.key}[columns in blocks of {self.size}, reordered]"

    @property
    def columns(self) -> NDArray[np.int32]:
        """Which column of the inner one each is."""
        starts = np.array(self.order, np.int32)[:, None] * self.size
        return np.ascontiguousarray((starts + np.arange(self.size, dtype=np.int32)).reshape(-1))

    def shape(self, index: TensorIndex) -> Shape:
        """The same."""
        whole = self.of.shape(index)
        if len(whole) != 2 or whole[1] != len(self.order) * self.size:
            raise ShapeError(f"a matrix of {len(self.order) * self.size} columns")
        return whole

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole rows."""
        return np.ascontiguousarray(self.of.read(index, rows)[:, self.columns[columns]])


@dataclass(frozen=True)
class Oriented(Derived):
    """A matrix of so many rows and columns, which lies as it is or, as other programs write it, rows for columns."""

    height: int
    width: int

    @property
    def key(self) -> str:
        """The tensor, whichever way round."""
        return f"{self.of.key}.matrix"

    def shape(self, index: TensorIndex) -> Shape:
        """As it is known. ShapeError for a square, of which nothing says which way round it lies."""
        if self.height == self.width or sorted(self.of.shape(index)) != sorted((self.height, self.width)):
            raise ShapeError(f"{self.height} by {self.width} or the other way round, and no square")
        return (self.height, self.width)

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Rows of it, or columns as rows."""
        lies = self.of.shape(index) == (self.height, self.width)
        return (self.of if lies else Transposed(self.of)).read(index, rows, columns)


@dataclass(frozen=True)
class Metadatum:
    """Numbers that a file says outside of its tensors, about what it does with one of them."""

    tensor: str
    name: str
    numbers: tuple[float, ...]

    @property
    def key(self) -> str:
        """The tensor, and what they are."""
        return f"{self.tensor}[{self.name}]"

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensor, of which nothing is read."""
        return (self.tensor,)

    def shape(self, index: TensorIndex) -> Shape:
        """As many as there are."""
        return (len(self.numbers),)

    def dtype(self, index: TensorIndex) -> str:
        """As files say them."""
        return "F32"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """The numbers."""
        return np.array(self.numbers, np.float32)[rows]

    def named(self, rename: Callable[[str], str]) -> Metadatum:
        """The same about another tensor."""
        return replace(self, tensor=rename(self.tensor))
