"""SentencePiece's table of what becomes of characters, as files have it (`precompiled_charsmap`): judged before a
library follows its numbers wherever they lead.

The table is a trie in an array of units of 32 bits, whose size in bytes stands before it, and behind it the texts that
beginnings become, each with a zero at its end. Knows how it lies, and not what is in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LABELS = np.arange(1, 256, dtype=np.uint32)  # bytes that may go on a beginning
_IS_LABEL = np.uint32(0x800000FF)
_LEAF = np.uint32(1 << 8)
_VALUE = np.uint32(0x7FFFFFFF)


def fault_of(table: bytes) -> str | None:
    """What is wrong with a table; None for one whose numbers all stay inside of it."""
    size = int.from_bytes(table[:4], "little")
    if size % 4 or not 4 <= size <= len(table) - 4:
        return f"it says that {size} of its {len(table)} bytes are a trie"
    units = np.frombuffer(table, "<u4", size // 4, 4)
    texts = np.frombuffer(table, np.uint8, offset=4 + size)
    try:
        texts.tobytes().decode()
    except UnicodeDecodeError:
        return "its texts are not UTF-8"
    values = _values(units)
    if values is None:
        return "its trie leads out of itself"
    if (values >= len(texts)).any() or (texts[values] & 0xC0 == 0x80).any():
        return "it names texts that it does not have"
    return None


def _values(units: NDArray[np.uint32]) -> NDArray[np.uint32] | None:
    """Where the texts begin that all beginnings become which can be reached; None where a step leads out."""
    values, seen = [], np.zeros(len(units), bool)
    at = np.array([_step(np.uint32(0), units[0])], np.uint32)
    while len(at):
        if ((at | np.uint32(255)) >= len(units)).any():
            return None
        places = (at[:, None] ^ _LABELS).reshape(-1)
        places = places[(units[places] & _IS_LABEL) == np.tile(_LABELS, len(at))]
        places = np.unique(places[~seen[places]])
        seen[places] = True
        at = _step(places, units[places])
        leaves = at[(units[places] & _LEAF) != 0]
        if (leaves >= len(units)).any():
            return None
        values.append(units[leaves] & _VALUE)
    return np.concatenate(values) if values else np.empty(0, np.uint32)


def _step(place: NDArray[np.uint32] | np.uint32, unit: NDArray[np.uint32] | np.uint32) -> NDArray[np.uint32]:
    """Where those lie that go on from a place."""
    offset = (unit >> np.uint32(10)) << ((unit & np.uint32(1 << 9)) >> np.uint32(6))
    return np.asarray(place ^ offset, np.uint32)
