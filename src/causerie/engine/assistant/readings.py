"""Whose text lies in which block, as one model has read it: for a model that keeps its own keys and values under block
numbers that somebody else gives away, takes back and shares.

It knows tokens and numbers of blocks; no model, and nobody's leases.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

_FACTOR = 0x9E3779B97F4A7C15  # odd, so that no power of it is 0 (Knuth, TAOCP 3, 6.4)


class Readings:
    """Of `blocks` blocks of `size` positions. A block's reading depends on all tokens before it, of which a hash is
    kept."""

    def __init__(self, blocks: int, size: int) -> None:
        self._size = size
        self._before = np.zeros(blocks, np.uint64)
        self._tokens = np.zeros((blocks, size), np.int32)
        self._counts = np.zeros(blocks, np.int32)  # positions that are read
        self._powers: NDArray[np.uint64] = np.zeros(0, np.uint64)

    def length(self, tokens: array[int], table: array[int]) -> int:
        """How many of these tokens, from the first on, have been read where the table says."""
        size = self._size
        count = min(len(tokens) // size, len(table))
        blocks = np.array(table, np.int64)
        text = np.array(tokens, np.int32)
        chains = self._chains(text)
        whole = text[: count * size].reshape(count, size)
        same = (
            (self._before[blocks[:count]] == chains[:count])
            & (self._counts[blocks[:count]] == size)
            & (self._tokens[blocks[:count]] == whole).all(axis=1)
        )
        first = count if same.all() else int(same.argmin())
        if first >= len(blocks) or self._before[blocks[first]] != chains[first]:
            return first * size
        block = blocks[first]
        part = text[first * size : (first + 1) * size][: self._counts[block]]
        differs = part != self._tokens[block, : len(part)]
        return first * size + (int(differs.argmax()) if differs.any() else len(part))

    def begin(self, table: array[int], start: int, end: int) -> None:
        """Positions from `start` to `end` are about to be written: what lies there counts no more."""
        first = start // self._size
        blocks = np.array(table[first : -(-end // self._size)], np.int64)
        self._counts[blocks[:1]] = np.minimum(self._counts[blocks[:1]], start - first * self._size)
        self._counts[blocks[1:]] = 0

    def record(self, tokens: array[int], table: array[int], start: int) -> None:
        """All tokens from `start` on are read; those before were already."""
        size, text = self._size, np.array(tokens, np.int32)
        chains = self._chains(text)
        for at in range(start // size, -(-len(text) // size)):
            part, block = text[at * size : (at + 1) * size], table[at]
            self._before[block] = chains[at]
            self._tokens[block, : len(part)] = part
            self._counts[block] = len(part)

    def copy(self, source: int, target: int) -> None:
        """What lies in one block lies in another now."""
        self._before[target] = self._before[source]
        self._tokens[target] = self._tokens[source]
        self._counts[target] = self._counts[source]

    def _chains(self, text: NDArray[np.int32]) -> NDArray[np.uint64]:
        """For each block of a text, and the one after it, a hash of the tokens before."""
        if len(text) > len(self._powers):
            self._powers = np.cumprod(np.full(2 * len(text), _FACTOR, np.uint64), dtype=np.uint64)
        sums = np.cumsum((text.astype(np.uint64) + np.uint64(1)) * self._powers[: len(text)])
        return np.concatenate((np.zeros(1, np.uint64), sums[self._size - 1 :: self._size]))
