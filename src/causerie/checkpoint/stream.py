"""Writes a safetensors file piece by piece, for tensors that should never be in memory together. Whole or not at all.

Knows the format and no model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.index import DTYPES
from causerie.checkpoint.writer import laid_out
from causerie.errors import CheckpointError, UsageError


class SafetensorsStream:
    """A file whose tensors, given as (dtype, shape), are all known before the first is written. Used in a `with` block,
    which puts the file in its place if every element was written once and nothing failed."""

    def __init__(
        self, path: str | Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]], *, alignment: int = 8
    ) -> None:
        """`alignment` as in `writer.laid_out`."""
        self._path = Path(path)
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._tensors = tensors
        self._left = {name: prod(shape) for name, (_, shape) in tensors.items()}
        head, self._places = laid_out(tensors, alignment=alignment)
        try:
            self._file = self._part.open("wb")
            self._file.write(head)
        except OSError as error:
            raise self._refused(error) from None

    def write(self, name: str, array: NDArray[Any], first: int = 0) -> None:
        """Writes elements first, first + 1, … of a tensor. Raises UsageError for another dtype than was declared or
        more elements than there are, CheckpointError where the disk refuses."""
        dtype = DTYPES[self._tensors[name][0]]
        if array.dtype != dtype or array.size > self._left[name]:
            raise UsageError(f"{name!r} takes {self._left[name]} more {dtype}; {array.size} {array.dtype} came.")
        try:
            self._file.seek(self._places[name] + first * dtype.itemsize)
            if array.size:
                self._file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        except OSError as error:
            raise self._refused(error) from None
        self._left[name] -= array.size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
            if kind is None:
                self._finish()
        except OSError as fault:
            raise self._refused(fault) from None
        finally:
            self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        unwritten = [name for name, left in self._left.items() if left]
        if unwritten:
            raise UsageError(f"{unwritten[0]!r} lacks {self._left[unwritten[0]]} elements; nothing was saved.")
        self._part.replace(self._path)

    def _refused(self, error: OSError) -> CheckpointError:
        return CheckpointError(f"{self._path} cannot be written: {error.strerror}.")
