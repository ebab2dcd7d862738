"""The gated feed-forward part of a decoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from causerie.spec.cost import PartCost
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec, vector

Activation = Literal["silu", "gelu", "gelu_tanh"]


@dataclass(frozen=True)
class ClampedSwish:
    """gate · sigmoid(slope · gate) · (up + 1), where the gate counts as `limit` at most and up as ±`limit` at most."""

    limit: float
    slope: float


Gating: TypeAlias = Activation | ClampedSwish
"""How the two halves of a gated layer become one: act(gate) · up, or as its class says."""


@dataclass(frozen=True)
class MLP:
    """Gated feed-forward layer: down(act(gate(x)) · up(x))."""

    hidden: int
    act: Gating = "silu"
    bias: bool = False

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        shapes = (("gate", (self.hidden, width)), ("up", (self.hidden, width)), ("down", (width, self.hidden)))
        for name, shape in shapes:
            yield WeightSpec(name, shape, "feed-forward")
            if self.bias:
                yield vector(f"{name}_bias", shape[0])

    def cost(self, width: int) -> PartCost:
        """Three matrices."""
        return PartCost(3 * self.hidden * width)

    def unread(self, width: int, rows: float) -> Iterator[tuple[WeightSpec, float]]:
        """What a step of `rows` tokens leaves unread: nothing."""
        return iter(())

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """down(act(gate(x)) · up(x)): [n, width] → [n, width] (Shazeer, "GLU variants improve Transformer", 2020)."""
        gate, up = ops.linear(x, *linear_parts(weights, prefix, ["gate", "up"]))
        (out,) = ops.linear(ops.glu(gate, up, self.act), *linear_parts(weights, prefix, ["down"]))
        return out
