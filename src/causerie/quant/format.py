"""What a format of weights is: named arrays that stand for a matrix, and its values.

The arrays described here are the *reference layout*: row-major and simple, what files hold and what every backend
packs its own layout from. Rows lie one after another in each array, so that a matrix can be encoded and decoded a slice
of rows at a time. Knows no tensor's name, no file and no backend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.index import DTYPES

Buffers = Mapping[str, NDArray[Any]]
"""The arrays of some rows of a matrix, by the names that `Format.buffers` gives."""
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Buffer:
    """One array of a format. `dtype` is a key of `checkpoint.index.DTYPES`, as safetensors files spell it; a BF16 array
    holds bit patterns in uint16. The first axis runs along the rows, unless the array belongs to the `whole` matrix and
    is the same in every slice."""

    dtype: str
    shape: tuple[int, ...]
    whole: bool = False

    @property
    def nbytes(self) -> int:
        """Its size."""
        return prod(self.shape) * DTYPES[self.dtype].itemsize


class Format(Protocol):
    """A way to hold a matrix of float32 values [n, k]."""

    @property
    def name(self) -> str: ...

    @property
    def arithmetic(self) -> str:
        """What its numbers are multiplied as: "float32", "bfloat16" or "int8"; sums are wider."""
        ...

    def refusal(self, width: int) -> str | None:
        """Why a matrix of this width cannot be held, as the end of a sentence; None where it can."""
        ...

    def row_step(self, width: int) -> int:
        """Slices of rows begin at multiples of this, and end there or at the matrix's end."""
        ...

    def buffers(self, shape: tuple[int, int]) -> dict[str, Buffer]:
        """The arrays of a matrix, or of a slice of its rows."""
        ...

    def decode(self, buffers: Buffers, shape: tuple[int, int]) -> Rows:
        """The values [n, k] that the arrays of n rows stand for."""
        ...


def held_bytes(format: Format, shape: tuple[int, int]) -> int:
    """Bytes of a matrix in the reference layout."""
    return sum(buffer.nbytes for buffer in format.buffers(shape).values())


def ranges(format: Format, width: int, start: int, stop: int) -> dict[str, slice]:
    """Where the arrays of rows start..stop-1 lie in those of the matrix, along the first axis. `start` is a multiple of
    the format's row_step; so is `stop`, unless it is the last row's."""
    before, until = format.buffers((start, width)), format.buffers((stop, width))
    return {
        name: slice(0 if buffer.whole else before[name].shape[0], buffer.shape[0]) for name, buffer in until.items()
    }


def concatenated(format: Format, width: int, parts: Sequence[Buffers]) -> dict[str, NDArray[Any]]:
    """The arrays of slices that follow each other, as one."""
    whole = {name for name, buffer in format.buffers((1, width)).items() if buffer.whole}
    return {
        name: parts[0][name] if name in whole or len(parts) == 1 else np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def bits_per_weight(format: Format, shape: tuple[int, int]) -> float:
    """Bits of the reference layout per element, scales included."""
    return 8 * held_bytes(format, shape) / prod(shape)
