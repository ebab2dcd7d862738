"""Whether a model finds room in memory: at once, after models that are loaded went, or not at all; and in which
precision it would be held. Knows sizes alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from causerie.plan.fit import needed_by_size

Fits = Literal["fits", "tight", "too_large"]

COMFORT = 1.1
"""Times what a model needs must be free for it to fit well: other programs need more now and then."""


@dataclass(frozen=True)
class MemoryFit:
    """The precision of one model in the memory of one moment."""

    precision: str
    needed_bytes: int
    fits: Fits
    """"tight": only after models that are loaded went, or with next to nothing left."""
    missing_bytes: int = 0
    """How much more memory a model that is too large would need."""


@dataclass(frozen=True)
class FreeMemory:
    """Bytes that are free now, and those that would be besides if the models that are loaded went."""

    free: int
    spare: int = 0


def memory_fit(needed: Mapping[str, int], memory: FreeMemory) -> MemoryFit:
    """That of a model which needs so many bytes in each precision, the most exact first. It is held in the first that
    is free now, else in the first for which others must go, as loading does it (quantization "auto")."""
    for free in (memory.free, memory.free + memory.spare):
        for precision, nbytes in needed.items():
            if nbytes <= free:
                well = COMFORT * nbytes <= memory.free
                return MemoryFit(precision, nbytes, "fits" if well else "tight")
    smallest = min(needed, key=lambda precision: needed[precision])
    missing = needed[smallest] - memory.free - memory.spare
    return MemoryFit(smallest, needed[smallest], "too_large", missing)


def fit_by_size(parameters: int, stored_bytes: int, memory: FreeMemory) -> MemoryFit:
    """The same of a model of which only sizes are known."""
    return memory_fit(needed_by_size(parameters, stored_bytes), memory)
