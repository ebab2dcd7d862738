"""The mixer of Mamba: a part of a decoder that remembers a text in a state of one size (Gu & Dao, "Mamba", 2023)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.causal_conv import CausalConv
from causerie.spec.cost import PartCost
from causerie.spec.layer_cache import Slot
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec, vector

MOST_STATE = 256
"""Numbers of a channel: what kernels have room for."""


@dataclass(frozen=True)
class Mamba:
    """Channels that each keep `state` numbers. At every position these shrink, each at a rate of its own, x · B is
    added, and C reads from them; x comes through a short convolution, B and C are made from it."""

    inner: int  # channels
    state: int
    rank: int  # numbers from which the steps of all channels are made
    taps: int
    conv_bias: bool = True
    bias: bool = False  # of the first matrices and of the last
    inner_norm: Norm | None = None  # of what steps are made from, of B and of C, each by itself; without weights

    @property
    def conv(self) -> CausalConv:
        """Over x."""
        return CausalConv(self.inner, self.taps, self.conv_bias)

    @property
    def cache(self) -> Slot:
        """What entered the convolution at the last positions, then the state."""
        return Slot(self.conv.elements + self.inner * self.state)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`. How fast states shrink is said by their logarithms, number by number, each
        for all channels."""
        for name in ("in", "gate"):
            yield WeightSpec(name, (self.inner, width), "recurrence")
            if self.bias:
                yield vector(f"{name}_bias", self.inner)
        yield from self.conv.weights()
        yield WeightSpec("rank", (self.rank, self.inner), "recurrence")
        yield WeightSpec("both", (2 * self.state, self.inner), "recurrence")
        yield WeightSpec("step", (self.inner, self.rank), "rate")
        yield vector("step_bias", self.inner)
        yield WeightSpec("shrinking", (self.state * self.inner,), "exact")
        yield vector("skip", self.inner)
        yield WeightSpec("out", (width, self.inner), "recurrence")
        if self.bias:
            yield vector("out_bias", width)

    def cost(self, width: int) -> PartCost:
        """Its matrices, the taps, and three products for each number of the state."""
        narrow = 2 * self.rank + 2 * self.state
        return PartCost((3 * width + narrow + 3 * self.state) * self.inner + self.conv.parameters)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """[n, width] → [n, width]"""
        inputs, gate = ops.linear(x, *linear_parts(weights, prefix, ["in", "gate"]))
        inputs = self.conv.forward(ops, inputs, layer, weights, prefix)
        rank, both = ops.linear(inputs, *linear_parts(weights, prefix, ["rank", "both"]))
        if self.inner_norm is not None:
            rank, both = ops.norm(rank, None, self.inner_norm), ops.norm(both, None, self.inner_norm, self.state)
        (steps,) = ops.linear(rank, *linear_parts(weights, prefix, ["step"]))
        y = ops.mamba(inputs, steps, both, weights[prefix + "shrinking"], weights[prefix + "skip"], layer, self)
        (out,) = ops.linear(ops.glu(gate, y, "silu"), *linear_parts(weights, prefix, ["out"]))
        return out
