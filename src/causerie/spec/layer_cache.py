"""What a part keeps between steps, for whoever lays out memory. Knows no format and no block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Pages:
    """A key and a value of `head_dim` elements for each of `heads` heads at every position; of those that a `window`
    lets be seen, where there is one."""

    heads: int
    head_dim: int
    window: int | None = None

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
