"""A feed-forward layer and experts side by side: a part of a decoder that norms for itself what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.experts import Experts
from causerie.spec.mlp import MLP, Gating
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights
from causerie.spec.weight import WeightSpec


@dataclass(frozen=True)
class BesideExperts:
    """A feed-forward layer that every token uses and experts of which it uses a few, each between two norms of its own;
    what they give is added. The router reads what neither norm has touched (Gemma 4, Google DeepMind, 2026)."""

    mlp: MLP
    experts: Experts
    norm: Norm

    @property
    def hidden(self) -> int:
        """Of the layer that every token uses."""
        return self.mlp.hidden

    @property
    def act(self) -> Gating:
        """Of the layer that every token uses."""
        return self.mlp.act

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """Of both, and of four norms."""
        for name in ("norm", "mlp_norm_after", "experts_norm", "experts_norm_after"):
            yield from self.norm.weights(name, width)
        for weight in self.mlp.weights(width):
            yield weight.within("mlp.")
        yield from self.experts.weights(width)

    def cost(self, width: int) -> PartCost:
        """Of both."""
        return self.mlp.cost(width) + self.experts.cost(width)

    def unread(self, width: int, rows: float) -> Iterator[tuple[WeightSpec, float]]:
        """Of the experts."""
        return self.experts.unread(width, rows)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """[n, width] → [n, width]"""
        read, routed = (self.norm.forward(ops, x, weights, prefix + name) for name in ("norm", "experts_norm"))
        every = self.mlp.forward(ops, read, layer, weights, prefix + "mlp.")
        some = self.experts.forward(ops, routed, layer, weights, prefix, judged=x)
        return ops.add(
            self.norm.forward(ops, every, weights, prefix + "mlp_norm_after"),
            self.norm.forward(ops, some, weights, prefix + "experts_norm_after"),
        )
