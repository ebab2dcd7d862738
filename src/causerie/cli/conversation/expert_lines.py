"""Which experts a model has used, as lines for a terminal: a small histogram for each layer. Knows no model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_LEVELS = " ▁▂▃▄▅▆▇█"  # nothing at all, then eighths of the busiest
_CELLS = 32  # of a histogram, at most; more experts share cells


def expert_lines(choices: Mapping[int, NDArray[np.int64]]) -> list[tuple[str, str]]:
    """A name and a text for each layer: how often each expert was chosen, by eighths of the busiest, how many were
    chosen at all, and the share of the busiest. `choices` are counts [experts] by the number of the layer."""
    return [(f"experts, layer {layer}", _line(counts)) for layer, counts in choices.items()]


def reads_line(experts: int, slots: int, *, hits: int, early: int, misses: int, nbytes: int) -> str:
    """Of experts that stay in their file: how many memory has room for, how often those that were needed were there or
    on their way, and how many bytes were read."""
    room, needed = f"memory holds {slots} of {experts}", hits + early + misses
    if not needed:
        return room
    return f"{room}; {hits / needed:.0%} were there, {early / needed:.0%} read ahead; {nbytes / 1e9:.1f} GB read"


def _line(counts: NDArray[np.int64]) -> str:
    total = int(counts.sum())
    if not total:
        return f"none of {len(counts)} used yet"
    width = -(-len(counts) // _CELLS)
    cells = [int(counts[first : first + width].sum()) for first in range(0, len(counts), width)]
    bars = "".join(_LEVELS[-(-8 * cell // max(cells))] for cell in cells)
    distinct = int(np.count_nonzero(counts))
    return f"│{bars}│ {distinct} of {len(counts)} used, the busiest {counts.max() / total:.0%} of the time"
