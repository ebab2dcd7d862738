"""What a part costs, in multiplications; a product and the sum it goes into count once. Knows no machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PartCost:
    """`matrices` for each token, whatever lies before it; `pairs` for each pair of a token and a position it looks
    at."""

    matrices: int
    pairs: int = 0

    def __add__(self, other: PartCost) -> PartCost:
        return PartCost(self.matrices + other.matrices, self.pairs + other.pairs)
