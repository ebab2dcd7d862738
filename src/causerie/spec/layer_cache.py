"""What a part keeps between steps, for whoever lays out memory. Knows no format and no block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Pages:
    """A key of `head_dim` elements and a value of `value_dim` for each of `heads` heads at every position; of those
    that a `window` lets be seen, where there is one. Of a value without elements the first ones of its key are it."""

    heads: int
    head_dim: int
    value_dim: int
    window: int | None = None
    of: int | None = None  # the layer that writes them, where another one only reads them

    def seen(self, positions: float) -> float:
        """How many of so many last positions a token looks at."""
        return positions if self.window is None else min(positions, self.window)


@dataclass(frozen=True)
class Slot:
    """`elements` numbers in float32 for a sequence, however long it is: what a convolution or a recurrence remembers.
    All of them are 0 before the first position."""

    elements: int


LayerCache: TypeAlias = Pages | Slot


@dataclass(frozen=True)
class PageGroup:
    """Layers whose pages come and go together, as they look back equally far: one block table serves them all."""

    window: int | None
    layers: tuple[int, ...]
