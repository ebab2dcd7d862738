"""Expressions over the rows of heads, which lie as if they turned in pairs, or of which several matrices take turns.
Knows no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import ALL, Derived, Shape, ShapeError
from causerie.checkpoint.index import TensorIndex


@dataclass(frozen=True)
class Unpermuted(Derived):
    """Query or key rows that turn in pairs (element i beside i + dims/2) as the program knows them, in halves, head by
    head. `dims` leading rows of a head turn; all, where it does not say."""

    whole_rows = True

    heads: int
    dims: int | None = None

    @property
    def key(self) -> str:
        """Of the tensor, in the other order."""
        return f"{self.of.key}[halves of {self.heads}{'' if self.dims is None else f', {self.dims}'}]"

    def shape(self, index: TensorIndex) -> Shape:
        """The same."""
        whole = self.of.shape(index)
        size, rest = divmod(whole[0], self.heads)
        if rest or self._turning(size) % 2 or self._turning(size) > size:
            raise ShapeError(f"{self.heads} heads of an even number of rows")
        return whole

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole heads."""
        whole = self.shape(index)[0]
        size = whole // self.heads
        first, last, _ = rows.indices(whole)
        begin, end = first // size * size, -(-last // size) * size
        rows_of = self.of.read(index, slice(begin, end), columns)
        heads = rows_of.reshape((end - begin) // size, size, *rows_of.shape[1:])
        dims = self._turning(size)
        turned = np.concatenate([heads[:, 0:dims:2], heads[:, 1:dims:2], heads[:, dims:]], axis=1)
        return np.ascontiguousarray(turned.reshape(rows_of.shape)[first - begin : last - begin])

    def _turning(self, size: int) -> int:
        return size if self.dims is None else self.dims


@dataclass(frozen=True)
class Turns(Derived):
    """Rows start..stop-1 of every `step` rows: one of several matrices that take turns head by head."""

    whole_rows = True

    start: int
    stop: int
    step: int

    @property
    def key(self) -> str:
        """The tensor and the rows."""
        return f"{self.of.key}[{self.start}:{self.stop} of {self.step}]"

    def shape(self, index: TensorIndex) -> Shape:
        """So many rows of each `step`."""
        whole = self.of.shape(index)
        if whole[0] % self.step:
            raise ShapeError(f"a multiple of {self.step} rows")
        return (whole[0] // self.step * (self.stop - self.start), *whole[1:])

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole turns, what is between its own rows too."""
        count = self.stop - self.start
        first, last, _ = rows.indices(self.shape(index)[0])
        begin, end = first // count, -(-last // count)
        whole = self.of.read(index, slice(begin * self.step, end * self.step), columns)
        own = whole.reshape(end - begin, self.step, *whole.shape[1:])[:, self.start : self.stop]
        flat = own.reshape((end - begin) * count, *whole.shape[1:])
        return np.ascontiguousarray(flat[first - begin * count : last - begin * count])
