"""Numbers that weights share: scales, zero points and the like, as the arrays of a packed format hold them.

Knows no format and no backend; `index` is plain arithmetic, which arrays of any library do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.bfloat16 import widen
from causerie.quant.code_bits import CodeBits
from causerie.quant.format import Buffer, Buffers

Span: TypeAlias = int | Literal["group", "row", "matrix"]


@dataclass(frozen=True)
class Numbers:
    """One number for each `span` weights of a row (of `rows` rows that follow one another), or of the flattened matrix:
    widened to float32, or a code into a `table`; then `times`, `over` and `plus` numbers that more weights share."""

    array: str  # its name among those of the format
    dtype: str  # F32, F16, BF16, U8 or I8
    span: Span = "group"  # the weights of one scale of the format, all of a row, or all
    rows: int = 1
    bits: CodeBits | None = None  # of codes that are no whole bytes; their dtype is U8
    table: tuple[float, ...] | None = None
    times: Numbers | None = None
    over: Numbers | None = None
    plus: Numbers | None = None

    def all(self) -> Iterator[Numbers]:
        """These, and what they are made with."""
        yield self
        for each in (self.times, self.over, self.plus):
            if each is not None:
                yield from each.all()

    def weights(self, width: int, group: int) -> int:
        """How many weights share one, of a row `width` wide; 0 where all of a matrix do."""
        return {"group": group, "row": width, "matrix": 0}[self.span] if isinstance(self.span, str) else self.span

    def buffer(self, shape: tuple[int, int], group: int, flat: bool) -> Buffer:
        """Their array in a matrix. `flat` spans run on from row to row."""
        n, k = shape
        span = self.weights(k, group)
        if self.span == "matrix":
            return Buffer(self.dtype, (1,), whole=True)
        if flat:
            return Buffer(self.dtype, (self._stored(-(-n * k // span)),))
        rows = -(-n // self.rows)
        return Buffer(self.dtype, (rows,) if self.span == "row" else (rows, self._stored(k // span)))

    def index(self, at: Any, width: int, group: int) -> Any:
        """Which of them belong to the weights `at`, numbered along the flattened matrix."""
        span = self.weights(width, group)
        if self.span == "matrix":
            return at * 0
        if self.rows == 1 and self.bits is None:
            return at // span
        in_row = width // span
        if self.bits is not None:  # each row's begin with a run
            in_row = -(-in_row // self.bits.run) * self.bits.run
        return at // (width * self.rows) * in_row + at % width // span

    def values(self, buffers: Buffers, at: NDArray[np.int64], width: int, group: int) -> NDArray[np.float32]:
        """Those of the weights `at`; every step is rounded to float32."""
        stored = buffers[self.array].reshape(-1)
        if self.bits is not None:
            stored = self.bits.unpacked(stored)
        values = self._widened(stored[self.index(at, width, group)])
        if self.times is not None:
            values = values * self.times.values(buffers, at, width, group)
        if self.over is not None:
            values = values / self.over.values(buffers, at, width, group)
        if self.plus is not None:
            values = values + self.plus.values(buffers, at, width, group)
        return values

    def _stored(self, count: int) -> int:
        return count if self.bits is None else self.bits.nbytes(count)

    def _widened(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        if self.table is not None:
            return np.asarray(np.array(self.table, np.float32)[stored])
        return widen(stored) if self.dtype == "BF16" else stored.astype(np.float32)
