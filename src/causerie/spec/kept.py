"""What a part keeps of past positions between steps, for whoever lays out memory. Knows no format and no block."""

from __future__ import annotations

from dataclasses import dataclass


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
