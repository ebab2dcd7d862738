"""Random weights without end, the same for the same name: stretches of one block that is repeated. Making tens of
billions of them anew would take longer than anything that is done with them.

Knows no file and no shape.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

DEVIATION = 0.02
BLOCK = 2**24 - 3  # a prime number: rows of any width begin at different places of it


class RandomNumbers:
    """Normal ones in bfloat16; those whose name speaks of a norm are near 1."""

    def __init__(self, seed: int = 0) -> None:
        values = np.random.default_rng(seed).standard_normal(BLOCK, dtype=np.float32) * np.float32(DEVIATION)
        self._block = bits(values)

    def read(self, name: str, first: int, out: NDArray[np.uint16]) -> None:
        """Fills `out`, which has one axis, with the bits of numbers first, first + 1, … of a name."""
        begin = (crc32(name.encode()) + first) % BLOCK
        filled = 0
        while filled < len(out):
            piece = self._block[begin : begin + len(out) - filled]
            out[filled : filled + len(piece)] = piece
            filled, begin = filled + len(piece), 0
        if "norm" in name:
            out[:] = bits(values(out) + np.float32(1))


def bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Their upper halves."""
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def values(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """What such bits stand for."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
