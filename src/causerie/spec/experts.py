"""A mixture of experts: the feed-forward part of a decoder as several gated layers, of which each token uses a few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.mlp import MLP, Activation
from causerie.spec.ops import Expert, Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec


def unread_share(count: int, active: int, rows: float) -> float:
    """Which part of `count` experts none of `rows` tokens chooses, where each chooses `active` and all are as
    likely."""
    return float((1 - active / count) ** rows)


@dataclass(frozen=True)
class Experts:
    """`count` gated feed-forward layers, of which a router chooses `active` for each token (Shazeer et al., 2017)."""

    count: int
    active: int
    hidden: int  # of each expert
    act: Activation = "silu"

    @property
    def expert(self) -> MLP:
        """One of them."""
        return MLP(self.hidden, self.act)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """The router, which has a row for each expert, and the experts."""
        yield WeightSpec("router", (self.count, width), "router")
        for e in range(self.count):
            for weight in self.expert.weights(width):
                yield weight.within(f"experts.{e}.")

    def cost(self, width: int) -> PartCost:
        """The router, and those experts that are active."""
        return PartCost(self.count * width + self.active * self.expert.cost(width).matrices)

    def unread(self, width: int, rows: float) -> Iterator[tuple[WeightSpec, float]]:
        """The weights of one expert, and how many of each a step of `rows` tokens is expected to leave unread."""
        idle = self.count * unread_share(self.count, self.active, rows)
        for weight in self.expert.weights(width):
            yield weight, idle

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """The weighted sum of what each token's experts make of it: [n, width] → [n, width]."""
        (scores,) = ops.linear(x, *linear_parts(weights, prefix, ["router"]))
        experts = [
            Expert(*linear_parts(weights, f"{prefix}experts.{e}.", ["gate", "up", "down"])) for e in range(self.count)
        ]
        return ops.experts(x, scores, experts, self.active, self.act)
