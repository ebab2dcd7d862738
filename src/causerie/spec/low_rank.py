"""A product of two narrow matrices beside a mixer: a part of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec


@dataclass(frozen=True)
class LowRankPath:
    """What the mixer reads, and the norm of what two matrices make of it, is added to what the mixer's half gives, and
    the sum is divided by √2 (Menghani et al., "LAuReL: learned augmented residual layer", 2024)."""

    rank: int
    norm: Norm

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        yield WeightSpec("left", (self.rank, width), "feed-forward")
        yield WeightSpec("right", (width, self.rank), "feed-forward")
        yield from self.norm.weights("norm", width)

    def cost(self, width: int) -> PartCost:
        """Two matrices."""
        return PartCost(2 * self.rank * width)

    def forward(self, ops: Ops, x: Value, read: Value, weights: Weights, prefix: str) -> Value:
        """[n, width] → [n, width]; `read` is what the mixer reads, x what its half gives."""
        (narrow,) = ops.linear(read, *linear_parts(weights, prefix, ["left"]))
        (made,) = ops.linear(narrow, *linear_parts(weights, prefix, ["right"]))
        path = ops.add(read, self.norm.forward(ops, made, weights, prefix + "norm"))
        return ops.softcap(ops.add(x, path), 2**-0.5, None)
