"""The last tokens of texts that have ended, and where runs of them lie: bounded in memory, at a constant cost for each
token. It knows token ids, and not whose they are.

Tokens lie in a ring. A run's last place is found by its hash in a table of fixed size, in which the latest of two runs
that share an entry stays; whether it is the run that was looked for is seen by comparing.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

_FACTOR = 0x9E3779B97F4A7C15  # as in ngram_index.py
_MASK = (1 << 64) - 1
_BORDER = -1  # between two texts; no token
_ENTRIES = 17  # bits of a place in a table: two entries for each token
LEAST, LONG = 6, 16
"""Tokens of the runs that are indexed. Short ones occur in every chat, and say little of which one is repeated."""


class RecentTexts:
    """Up to `capacity` tokens; what is older is gone."""

    def __init__(self, capacity: int = 1 << 16) -> None:
        self._capacity = capacity
        self._ring = array("i", [_BORDER]) * capacity
        self._length = 0  # tokens that were ever added; a place is a number of them
        self._ends = {size: np.zeros(1 << _ENTRIES, np.int64) for size in (LONG, LEAST)}

    def add(self, tokens: Sequence[int]) -> None:
        """A text has ended, or what is new of it."""
        text = np.append(np.array(tokens[-self._capacity + 1 :], np.int32), np.int32(_BORDER))
        first = self._length
        ring = np.frombuffer(self._ring, np.int32)
        ring[(first + np.arange(len(text))) % self._capacity] = text
        self._length += len(text)
        for size, ends in self._ends.items():
            count = len(text) - size  # none of them has the border in it
            if count <= 0:
                continue
            keys = np.zeros(count, np.uint64)
            for place in range(size):
                keys = keys * np.uint64(_FACTOR) + text[place : place + count].astype(np.uint64)
            ends[keys >> np.uint64(64 - _ENTRIES)] = first + size + np.arange(count)

    def match(self, tokens: Sequence[int], longest: int) -> tuple[int, int]:
        """The place behind an occurrence of the last tokens, and how many of them it has, up to `longest`; 0 and 0
        where not even the shortest run of them is there."""
        for size, ends in self._ends.items():
            if size > min(longest, len(tokens)):
                continue
            key = 0
            for token in tokens[-size:]:
                key = key * _FACTOR + token & _MASK
            end = int(ends[key >> 64 - _ENTRIES])
            length = self._common(tokens, end, longest) if end else 0
            if length >= size:
                return end, length
        return 0, 0

    def at(self, place: int) -> int:
        """The token there; -1 where a text ends, or where it is gone."""
        there = max(0, self._length - self._capacity) <= place < self._length
        return self._ring[place % self._capacity] if there else _BORDER

    def following(self, place: int, most: int) -> list[int]:
        """The tokens from a place on, up to so many, and to the end of their text."""
        tokens: list[int] = []
        while len(tokens) < most and (token := self.at(place + len(tokens))) != _BORDER:
            tokens.append(token)
        return tokens

    def _common(self, tokens: Sequence[int], end: int, longest: int) -> int:
        """How many tokens before `end` are the last ones of the text, as far as is of interest."""
        most, length = min(longest, len(tokens)), 0
        while length < most and self.at(end - 1 - length) == tokens[-1 - length]:
            length += 1
        return length
