"""A mixture of experts: the feed-forward part of a decoder as several gated layers, of which each token uses a few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.mlp import MLP, Gating
from causerie.spec.ops import Expert, Ops, Value, Weights, linear_parts
from causerie.spec.router import Router
from causerie.spec.weight import WeightSpec, vector

EXPERTS = "experts."
"""What the names of their weights begin with, inside of the part."""


def unread_share(count: int, active: int, rows: float) -> float:
    """Which part of `count` experts none of `rows` tokens chooses, where each chooses `active` and all are as
    likely."""
    return float((1 - active / count) ** rows)


@dataclass(frozen=True)
class Shared:
    """A gated feed-forward layer that every token uses beside its experts. Where it is `weighed`, its result is
    multiplied by the sigmoid of a score of its own."""

    mlp: MLP
    weighed: bool = False


@dataclass(frozen=True)
class Experts:
    """`count` gated feed-forward layers, of which a router chooses some for each token (Shazeer et al., 2017)."""

    count: int
    router: Router
    hidden: int  # of each expert
    act: Gating = "silu"
    bias: bool = False
    shared: Shared | None = None

    @property
    def expert(self) -> MLP:
        """One of them."""
        return MLP(self.hidden, self.act, self.bias)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """The router, which has a row for each expert; the experts; and what is shared."""
        yield WeightSpec("router", (self.count, width), "router")
        if self.router.bias:
            yield vector("router_bias", self.count)
        if self.router.choice_bias:
            yield WeightSpec("choice_bias", (self.count,), "choice")
        for e in range(self.count):
            for weight in self.expert.weights(width):
                yield weight.within(f"{EXPERTS}{e}.")
        if self.shared is not None:
            for weight in self.shared.mlp.weights(width):
                yield weight.within("shared.")
            if self.shared.weighed:
                yield WeightSpec("shared_router", (1, width), "router")

    def cost(self, width: int) -> PartCost:
        """The router, those experts that are active, and what is shared."""
        own = PartCost(self.count * width + self.router.active * self.expert.cost(width).matrices)
        if self.shared is None:
            return own
        return own + self.shared.mlp.cost(width) + PartCost(width if self.shared.weighed else 0)

    def unread(self, width: int, rows: float) -> Iterator[tuple[WeightSpec, float]]:
        """The weights of one expert, and how many of each a step of `rows` tokens is expected to leave unread."""
        idle = self.count * unread_share(self.count, self.router.active, rows)
        for weight in self.expert.weights(width):
            yield weight, idle

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """The weighted sum of what each token's experts make of it, and what is shared: [n, width] → [n, width]."""
        (scores,) = ops.linear(x, *linear_parts(weights, prefix, ["router"]))
        experts = [
            Expert(*linear_parts(weights, f"{prefix}{EXPERTS}{e}.", ["gate", "up", "down"])) for e in range(self.count)
        ]
        chosen = ops.experts(x, scores, experts, self.router, weights.get(prefix + "choice_bias"), self.act)
        if self.shared is None:
            return chosen
        shared = self.shared.mlp.forward(ops, x, layer, weights, prefix + "shared.")
        if self.shared.weighed:
            (score,) = ops.linear(x, *linear_parts(weights, prefix, ["shared_router"]))
            shared = ops.weighed(shared, score)
        return ops.add(chosen, shared)
