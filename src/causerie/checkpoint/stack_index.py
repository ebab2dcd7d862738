"""An index that keeps the places of stacks from which it read last: the matrix of one expert of many.

A matrix that a file holds turned over, or that takes turns with another, is asked for by slices that each touch all of
its place. So a place is read whole, once, and slices are views of it. Of a matrix that is no place of a stack, as many
columns are kept as may be. Knows no expression and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from threading import Lock
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.extent import Extent
from causerie.checkpoint.index import TensorIndex, TensorInfo

MOST_BYTES = 2**27
"""Of all places that are kept, and of the columns; a larger place is read by slices as they come."""
_PIECE_BYTES = 2**23  # of rows from which columns are taken


class StackIndex:
    """Implements `TensorIndex` and `ColumnIndex` over another one. Arrays that it keeps cannot be written to."""

    def __init__(self, index: TensorIndex) -> None:
        self._index = index
        self._lock = Lock()
        self._places: dict[tuple[str, int], NDArray[Any]] = {}  # by tensor and place, the latest last
        self._columns: tuple[str, int, NDArray[Any]] | None = None  # of which tensor, from which one on

    def names(self) -> Sequence[str]:
        """As the other's."""
        return self._index.names()

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def info(self, name: str) -> TensorInfo:
        """As the other's."""
        return self._index.info(name)

    def read(self, name: str, rows: slice | None = None, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """As the other's, but for rows of one place of a stack, which are read together."""
        info = self._index.info(name)
        if rows is None or shape is None or len(info.shape) < 2 or shape[1:] != info.shape[2:]:
            return self._index.read(name, rows, shape)
        count = info.shape[1]
        first, last, _ = rows.indices(shape[0])
        place = first // count
        if last > (place + 1) * count or prod(info.shape[1:]) * info.array_dtype.itemsize > MOST_BYTES:
            return self._index.read(name, rows, shape)
        return self._place(name, place, count, shape)[first - place * count : last - place * count]

    def read_columns(self, name: str, columns: slice) -> NDArray[Any]:
        """Of columns that follow each other, which are asked for in this order, as many are read together as are kept:
        of a matrix of 128 MB all of them."""
        info = self._index.info(name)
        first, last, _ = columns.indices(info.shape[1])
        with self._lock:
            if self._columns is None or self._columns[0] != name or not self._reach(first, last):
                column = info.shape[0] * info.array_dtype.itemsize
                end = min(info.shape[1], max(last, first + MOST_BYTES // max(1, column)))
                self._columns = None  # before others are read
                self._columns = (name, first, self._band(name, first, end))
            _, begin, band = self._columns
        return band[:, first - begin : last - begin]

    def _reach(self, first: int, last: int) -> bool:
        """Whether these columns are kept."""
        if self._columns is None:
            return False
        _, begin, band = self._columns
        return bool(begin <= first <= last <= begin + band.shape[1])

    def _band(self, name: str, first: int, last: int) -> NDArray[Any]:
        info = self._index.info(name)
        rows, width = info.shape
        band = np.empty((rows, last - first), info.array_dtype)
        step = max(1, _PIECE_BYTES // max(1, width * info.array_dtype.itemsize))
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            band[start:stop] = self._index.read(name, slice(start, stop))[:, first:last]
        band.flags.writeable = False
        return band

    def _place(self, name: str, place: int, count: int, shape: tuple[int, ...]) -> NDArray[Any]:
        with self._lock:
            array = self._places.pop((name, place), None)
            if array is None:
                size = prod((count, *shape[1:])) * self._index.info(name).array_dtype.itemsize
                while self._places and sum(each.nbytes for each in self._places.values()) + size > MOST_BYTES:
                    del self._places[next(iter(self._places))]
                for other in [each for each in self._places if each[0] == name]:
                    del self._places[other]
                array = self._index.read(name, slice(place * count, (place + 1) * count), shape)
                array.flags.writeable = False
            self._places[name, place] = array
            return array

    def read_into(
        self, name: str, out: NDArray[Any], rows: slice | None = None, shape: tuple[int, ...] | None = None
    ) -> None:
        """As the other's."""
        self._index.read_into(name, out, rows, shape)

    def map(self, name: str) -> NDArray[np.uint8]:
        """As the other's."""
        return self._index.map(name)

    def extent(self, name: str) -> Extent:
        """As the other's."""
        return self._index.extent(name)

    def close(self) -> None:
        """Forgets what is kept; the other one stays open."""
        self._places.clear()
        self._columns = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
