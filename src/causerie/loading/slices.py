"""Rows of plain tensors, read by several threads at once into one buffer that is used again and again.

A fresh array for each slice would have the system clear as much memory as the model has weights, which takes longer
than reading them. Knows no backend and no format of files.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import Expression
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.leaves import plain_rows
from causerie.loading.workers import Workers

LEAST_BYTES = 2**20  # what a thread of its own is worth


class SliceReader:
    """Reads rows of an index's tensors; what it returns holds until the next read."""

    def __init__(self, index: TensorIndex, workers: Workers) -> None:
        self._index = index
        self._workers = workers
        self._buffer: NDArray[np.uint8] = np.empty(0, np.uint8)

    def rows(self, expression: Expression, start: int, stop: int) -> NDArray[Any]:
        """Rows start..stop-1 of plain numbers. Raises WeightFileError."""
        whole = plain_rows(expression)
        if whole is None:
            return expression.read(self._index, slice(start, stop))
        tensor, begin = whole
        start, stop = start + begin, stop + begin
        info = self._index.info(tensor)
        row = prod(info.shape[1:])
        size = (stop - start) * row * info.array_dtype.itemsize
        if size > len(self._buffer):
            self._buffer = np.empty(size, np.uint8)
        out = self._buffer[:size].view(info.array_dtype).reshape((stop - start, *info.shape[1:]))

        def read(part: tuple[int, int]) -> None:
            first, last = part
            self._index.read_into(tensor, out[first:last], slice(start + first, start + last))

        for _ in self._workers.map(read, _parts(stop - start, min(self._workers.count, max(1, size // LEAST_BYTES)))):
            pass  # an error of any part is raised here
        return out


def _parts(rows: int, count: int) -> Iterator[tuple[int, int]]:
    for i in range(count):
        first, last = rows * i // count, rows * (i + 1) // count
        if first < last:
            yield first, last
