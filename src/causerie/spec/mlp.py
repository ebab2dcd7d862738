"""The feed-forward part of a decoder, gated or plain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from causerie.spec.cost import PartCost
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec, vector

Activation = Literal["silu", "gelu", "gelu_tanh", "relu", "relu2", "sigmoid", "softplus"]
"""relu2 is the square of relu (So et al., "Primer", 2021)."""


@dataclass(frozen=True)
class ClampedSwish:
    """gate · sigmoid(slope · gate) · (up + 1), where the gate counts as `limit` at most and up as ±`limit` at most."""

    limit: float
    slope: float


@dataclass(frozen=True)
class LimitedSwish:
    """silu(gate) · up, where the former counts as `limit` at most and up as ±`limit` at most."""

    limit: float


Gating: TypeAlias = Activation | ClampedSwish | LimitedSwish
"""How the two halves of a gated layer become one: act(gate) · up, or as its class says."""


@dataclass(frozen=True)
class MLP:
    """Feed-forward layer: down(act(gate(x)) · up(x)), or where it is not gated down(act(up(x)))."""

    hidden: int
    act: Gating = "silu"
    bias: bool = False
    gated: bool = True
    gate_scale: float = 1.0  # of what the activation of a gated one reads
    scale: float = 1.0  # of its result
    deviations: float | None = (
        None  # of a gated one: so many standard deviations above their row's mean gates begin at 0
    )
    xielu: bool = False  # in the place of act: a function with two numbers of its own, where it is not gated

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        for name in (*self._inner, "down"):
            shape = (width, self.hidden) if name == "down" else (self.hidden, width)
            yield WeightSpec(name, shape, "feed-forward")
            if self.bias:
                yield vector(f"{name}_bias", shape[0])

        if self.xielu:
            yield from (vector(name, 1) for name in ("above", "below"))

    def cost(self, width: int) -> PartCost:
        """Three matrices, or two."""
        return PartCost((len(self._inner) + 1) * self.hidden * width)

    def unread(self, width: int, rows: float) -> Iterator[tuple[WeightSpec, float]]:
        """What a step of `rows` tokens leaves unread: nothing."""
        return iter(())

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """[n, width] → [n, width]. Of gates: Shazeer, "GLU variants improve Transformer" (2020)."""
        *gate, up = ops.linear(x, *linear_parts(weights, prefix, self._inner))
        if self.gated:
            read = gate[0] if self.gate_scale == 1.0 else ops.softcap(gate[0], self.gate_scale, None)
            read = read if self.deviations is None else ops.excess(read, self.deviations)
            h = ops.glu(read, up, self.act)
        elif self.xielu:
            h = ops.xielu(up, weights[prefix + "above"], weights[prefix + "below"])
        else:
            assert isinstance(self.act, str)  # what else there is needs a gate
            h = ops.activate(up, self.act)
        (out,) = ops.linear(h, *linear_parts(weights, prefix, ["down"]))
        return out if self.scale == 1.0 else ops.softcap(out, self.scale, None)

    @property
    def _inner(self) -> Sequence[str]:
        return ("gate", "up") if self.gated else ("up",)


NOTHING = MLP(0)
"""A feed-forward layer of no width adds nothing: layers that have this one lack that half."""
