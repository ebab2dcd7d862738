"""The borders of a sequence: what tells where a search for it may go on, and which period it has. Knows no text."""

from __future__ import annotations

from collections.abc import Sequence


def borders(sequence: Sequence[object]) -> list[int]:
    """For each prefix, the length of its longest proper prefix that is also its suffix (Knuth, Morris, Pratt)."""
    lengths, length = [0] * len(sequence), 0
    for place in range(1, len(sequence)):
        while length and sequence[place] != sequence[length]:
            length = lengths[length - 1]
        length += sequence[place] == sequence[length]
        lengths[place] = length
    return lengths
