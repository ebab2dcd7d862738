"""The mixer of Mamba-2: a part of a decoder that remembers a text in a state of one size (Dao & Gu, "Transformers are
SSMs", 2024)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from causerie.spec.causal_conv import CausalConv
from causerie.spec.cost import PartCost
from causerie.spec.layer_cache import Slot
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec, vector


@dataclass(frozen=True)
class InputScales:
    """What each projection of a Mamba-2 mixer's input is multiplied with."""

    gate: float = 1.0
    x: float = 1.0
    b: float = 1.0
    c: float = 1.0
    step: float = 1.0


@dataclass(frozen=True)
class Mamba2:
    """Heads that each keep a matrix [head_dim, state]. At every position it shrinks by a share of its own, x ⊗ B is
    added, and C reads from it; x, B and C come through a short convolution."""

    heads: int
    head_dim: int
    state: int
    groups: int  # of neighbouring heads that share B and C
    taps: int
    conv_bias: bool = True
    in_bias: bool = False
    out_bias: bool = False
    norm: Norm | None = None  # of what the heads of each group give
    gate_last: bool = False  # the gate is multiplied with what was normed, not before it
    least_step: float = 0.0
    most_step: float = inf
    scales: InputScales = InputScales()

    @property
    def inner(self) -> int:
        """Elements of all heads."""
        return self.heads * self.head_dim

    @property
    def shared(self) -> int:
        """Elements of B of all groups, and of C."""
        return self.groups * self.state

    @property
    def conv(self) -> CausalConv:
        """Over x, B and C, side by side."""
        each = ((self.inner, self.scales.x), (self.shared, self.scales.b), (self.shared, self.scales.c))
        scales = each if any(scale != 1.0 for _, scale in each) else ()
        return CausalConv(self.inner + 2 * self.shared, self.taps, self.conv_bias, scales)

    @property
    def cache(self) -> Slot:
        """What entered the convolution at the last positions, then the state."""
        return Slot(self.conv.elements + self.inner * self.state)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        for name, rows in (("gate", self.inner), ("in", self.conv.channels), ("step", self.heads)):
            yield WeightSpec(name, (rows, width), "rate" if name == "step" else "recurrence")
            if self.in_bias:
                yield vector(f"{name}_bias", rows)
        yield from self.conv.weights()
        yield WeightSpec("shrinking", (self.heads,), "exact")
        yield WeightSpec("step_shift", (self.heads,), "exact")
        yield vector("skip", self.heads)
        if self.norm is not None:
            yield from self.norm.weights("norm", self.inner)
        yield WeightSpec("out", (width, self.inner), "recurrence")
        if self.out_bias:
            yield vector("out_bias", width)

    def cost(self, width: int) -> PartCost:
        """Two matrices, the taps, and three products for each element of the state."""
        rows = 2 * self.inner + self.conv.channels + self.heads
        return PartCost(rows * width + self.conv.parameters + 3 * self.inner * self.state)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """[n, width] → [n, width]"""
        gate, inputs, steps = ops.linear(x, *linear_parts(weights, prefix, ["gate", "in", "step"]))
        if self.scales.gate != 1.0:
            gate = ops.softcap(gate, self.scales.gate, None)
        inputs = self.conv.forward(ops, inputs, layer, weights, prefix)
        shrinking, skip, shift = (weights[prefix + name] for name in ("shrinking", "skip", "step_shift"))
        y = ops.mamba2(inputs, steps, shrinking, skip, shift, layer, self)
        if not self.gate_last:
            y = ops.glu(gate, y, "silu")
        if self.norm is not None:
            y = self.norm.forward(ops, y, weights, prefix + "norm", self.inner // self.groups)
        if self.gate_last:
            y = ops.glu(gate, y, "silu")
        (out,) = ops.linear(y, *linear_parts(weights, prefix, ["out"]))
        return out
