"""Codes that files hold in words of 32 bits along a matrix's inputs or outputs, with inputs in the rows of a tensor and
outputs in its columns: expressions that turn them over and give the codes of each output.

Knows no program that quantizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import ALL, Shape, ShapeError
from causerie.checkpoint.index import TensorIndex
from causerie.loading.packed.stored import Stored
from causerie.quant.code_bits import low_first

WORD = 32  # bits


@dataclass(frozen=True)
class CodesAcross(Stored):
    """The codes of each output, a byte for each, where words [inputs, outputs · bits / 32] hold those of outputs side
    by side: one stream with the first in the lowest bits, or in another `order` within a word. `plus` is added, without
    the bits that then are too many."""

    bits: int
    order: tuple[int, ...] = ()  # the place in its word at which each of so many outputs lies
    plus: int = 0

    def shape(self, index: TensorIndex) -> Shape:
        """Outputs by inputs."""
        inputs, words = self.of.shape(index)
        if words * WORD % self.bits:
            raise ShapeError(f"words that hold whole codes of {self.bits} bits")
        return (words * WORD // self.bits, inputs)

    def dtype(self, index: TensorIndex) -> str:
        """A byte for each."""
        return "U8"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads the words that these outputs lie in."""
        first, last, _ = rows.indices(self.shape(index)[0])
        step = WORD // gcd(self.bits, WORD)  # codes after which a word begins with one
        size = step * self.bits // WORD
        begin, end = first // step, -(-last // step)
        words = np.ascontiguousarray(self.of.read(index, columns, slice(begin * size, end * size)))
        unit: type[np.unsignedinteger[Any]] = np.uint8 if 8 % self.bits == 0 else np.uint32
        turned = np.ascontiguousarray(words.view(unit).T)
        turned = turned.reshape(end - begin, -1, turned.shape[-1])
        codes = np.empty((end - begin, step, turned.shape[-1]), np.uint8)
        for i in range(step):
            codes[:, i] = self._codes(turned, self.order[i] if self.order else i)
        return codes.reshape(-1, turned.shape[-1])[first - begin * step : last - begin * step]

    def _codes(self, words: NDArray[Any], place: int) -> NDArray[Any]:
        """Those at one place of each run of words, which may be taken for bytes where no code lies in two."""
        unit = words.dtype.type
        word, bit = divmod(place * self.bits, 8 * words.itemsize)
        codes = words[:, word] >> unit(bit)
        if bit + self.bits > 8 * words.itemsize:
            codes |= words[:, word + 1] << unit(WORD - bit)
        if self.plus:
            codes += unit(self.plus)
        codes &= unit(2**self.bits - 1)
        return np.asarray(codes)


@dataclass(frozen=True)
class PackedCodes(Stored):
    """Codes of which each has a byte, in one stream for each row."""

    bits: int

    def shape(self, index: TensorIndex) -> Shape:
        """Rows, and bytes of one."""
        rows, width = self.of.shape(index)
        return (rows, low_first(self.bits).nbytes(width))

    def dtype(self, index: TensorIndex) -> str:
        """Bytes."""
        return "U8"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole rows."""
        codes = self.of.read(index, rows)
        return low_first(self.bits).packed(codes).reshape(len(codes), -1)[:, columns]


@dataclass(frozen=True)
class ReorderedCodes(Stored):
    """Streams of codes, one for each row, with inputs in another order: code i becomes that of input order[i]."""

    bits: int
    order: NDArray[np.int32]

    def shape(self, index: TensorIndex) -> Shape:
        """The same."""
        return self.of.shape(index)

    def dtype(self, index: TensorIndex) -> str:
        """Bytes."""
        return "U8"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole rows."""
        stored, bits = self.of.read(index, rows), low_first(self.bits)
        codes = np.take(bits.unpacked(stored).reshape(len(stored), -1), self.order, axis=1)
        return bits.packed(codes).reshape(len(stored), -1)[:, columns]
