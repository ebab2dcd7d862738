"""Codes of 1 to 8 bits in bytes: where the bits of each lie, and the way there and back. Knows no format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Plane:
    """Some bits of every code of a run: those of code i are field places[i], where fields of so many `bits` are counted
    from the lowest bit of the run's first byte on."""

    bits: int
    places: tuple[int, ...]

    def beginning(self, code: int) -> int:
        """The bit of the run at which those of a code begin."""
        return self.places[code] * self.bits


@dataclass(frozen=True)
class CodeBits:
    """Codes in runs that follow one another, `run_bytes` each. A code is put together from planes, its lowest bits
    first; a `signed` one is in two's complement."""

    planes: tuple[Plane, ...]
    run_bytes: int
    signed: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for bits that cannot lie so."""
        if not 1 <= self.bits <= 8 or {len(plane.places) for plane in self.planes} != {self.run}:
            raise ValueError(f"codes of {self.bits} bits in runs of {self.run}; 1 to 8, in runs of one length, can be")
        begins = [(plane.beginning(i), plane.bits) for plane in self.planes for i in range(self.run)]
        positions = {begin + bit for begin, bits in begins for bit in range(bits)}
        if len(positions) != self.run * self.bits or not 0 <= min(positions) <= max(positions) < 8 * self.run_bytes:
            raise ValueError(f"bits of codes share a place, or lie outside of the {self.run_bytes} bytes of a run")

    @property
    def bits(self) -> int:
        """Of a code."""
        return sum(plane.bits for plane in self.planes)

    @property
    def run(self) -> int:
        """Codes in a run."""
        return len(self.planes[0].places)

    @property
    def dtype(self) -> str:
        """Of their array, as safetensors files spell it."""
        return "I8" if self.signed and self.bits == 8 else "U8"

    def nbytes(self, count: int) -> int:
        """Of so many codes, in whole runs."""
        return -(-count // self.run) * self.run_bytes

    def unpacked(self, data: NDArray[Any]) -> NDArray[Any]:
        """All codes of whole runs, one after the other: uint8, or int8 where they are signed."""
        runs = np.ascontiguousarray(data).view(np.uint8).reshape(-1, self.run_bytes)
        codes: Bytes = np.zeros((len(runs), self.run), np.uint8)
        for i, byte, bit, mask, shift, spills in self._fields():
            field = runs[:, byte] >> bit
            if spills:
                field |= runs[:, byte + 1] << np.uint8(8 - bit)
            codes[:, i] |= (field & mask) << shift
        return self._with_sign(codes.reshape(-1))

    def packed(self, codes: NDArray[Any]) -> Bytes:
        """The bytes of codes; what is left of the last run are zeros."""
        flat = np.ascontiguousarray(codes).reshape(-1).view(np.uint8)
        if rest := -len(flat) % self.run:
            flat = np.concatenate((flat, np.zeros(rest, np.uint8)))
        runs = flat.reshape(-1, self.run)
        data: Bytes = np.zeros((len(runs), self.run_bytes), np.uint8)
        for i, byte, bit, mask, shift, spills in self._fields():
            field = (runs[:, i] >> shift) & mask
            data[:, byte] |= field << bit
            if spills:
                data[:, byte + 1] |= field >> np.uint8(8 - bit)
        return data.reshape(-1)

    def _fields(self) -> Iterator[tuple[int, int, np.uint8, np.uint8, np.uint8, bool]]:
        """Where bits of each code of a run lie: which code, the byte and the bit at which they begin, a mask of as
        many, which bit of the code is their lowest, and whether they reach into the next byte."""
        shift = 0
        for plane in self.planes:
            mask = np.uint8(2**plane.bits - 1)
            for i in range(self.run):
                byte, bit = divmod(plane.beginning(i), 8)
                yield i, byte, np.uint8(bit), mask, np.uint8(shift), bit + plane.bits > 8
            shift += plane.bits

    def _with_sign(self, codes: Bytes) -> NDArray[Any]:
        if not self.signed:
            return codes
        unused = np.int8(8 - self.bits)
        return (codes << np.uint8(8 - self.bits)).view(np.int8) >> unused


def low_first(bits: int, *, signed: bool = False) -> CodeBits:
    """One after the other, the first in the lowest bits of the first byte; some reach into the next byte where `bits`
    do not divide 8."""
    run = 8 // gcd(bits, 8)
    return CodeBits((Plane(bits, tuple(range(run))),), bits * run // 8, signed)


def high_first(bits: int) -> CodeBits:
    """Whole codes in a byte, the first in its highest bits."""
    return CodeBits((Plane(bits, tuple(reversed(range(8 // bits)))),), 1)


BYTES = low_first(8)
SIGNED_BYTES = low_first(8, signed=True)
