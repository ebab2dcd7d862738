"""bfloat16 matrices in 12 bits a weight, to the last bit the same: memory for the panels of src/packed.h.

C++ chooses each panel's sixteen exponents and packs; here memory is found for what it measured.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.arena import ALIGNMENT, Arena
from causerie.backends.native.program import ESCAPE, PACKED_PANEL, PACKED_STEP, PANEL, PLAIN_STEP


def steps_of(width: int) -> int:
    """Steps of a panel: two inputs each."""
    return -(-width // 2)


def panels_of(rows: int) -> int:
    """Panels of a matrix."""
    return -(-rows // PANEL)


def most_bytes(shape: tuple[int, ...]) -> int:
    """What a matrix takes if no panel of it can be packed; the pieces of each slice of rows are aligned apart."""
    panel = PACKED_PANEL.itemsize + steps_of(shape[1]) * PLAIN_STEP + 2 * ALIGNMENT
    return panels_of(shape[0]) * panel + ALIGNMENT


def likely_bytes(shape: tuple[int, ...]) -> int:
    """What a matrix takes if all of it can be packed, without exceptions."""
    return panels_of(shape[0]) * (PACKED_PANEL.itemsize + steps_of(shape[1]) * PACKED_STEP)


def piece_bytes(plain: NDArray[np.bool_], steps: int) -> NDArray[np.int64]:
    """What the steps of each panel take, by whether it is kept plain."""
    return np.where(plain, PLAIN_STEP, PACKED_STEP).astype(np.int64) * steps


class LosslessMatrix:
    """The table of a matrix's panels in an arena, filled from the first row on."""

    def __init__(self, arena: Arena, shape: tuple[int, ...]) -> None:
        self._arena = arena
        self._steps = steps_of(shape[1])
        panels = panels_of(shape[0])
        self.address = arena.take(panels * PACKED_PANEL.itemsize)
        memory = (ctypes.c_uint8 * (panels * PACKED_PANEL.itemsize)).from_address(self.address)
        self.table: NDArray[np.void] = np.ctypeslib.as_array(memory).view(PACKED_PANEL)

    def make_room(self, first: int, rows: int) -> None:
        """Memory for the panels of rows first .. first + rows, which are measured: packed, with a list of exceptions
        behind all of them; or plain, where there would be more than one exception a step."""
        table = self.table[first // PANEL : panels_of(first + rows)]
        exceptions = table["escape_count"]
        table["plain"] = exceptions > self._steps
        exceptions[table["plain"] > 0] = 0
        table["data"] = self._begin(piece_bytes(table["plain"] > 0, self._steps).astype(np.uint64))
        table["escapes"] = self._begin(exceptions.astype(np.uint64) * np.uint64(ESCAPE.itemsize))

    def _begin(self, sizes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Addresses of pieces of these sizes, one after another."""
        ends = np.cumsum(sizes, dtype=np.uint64)
        return np.uint64(self._arena.take(int(ends[-1]))) + ends - sizes
