"""A gated short convolution: a part of a decoder that mixes a position with the few before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.layer_cache import Slot
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec, vector


@dataclass(frozen=True)
class ShortConv:
    """A causal convolution over the last `taps` positions, each channel by itself, gated before and after."""

    channels: int
    taps: int  # at least 2
    bias: bool = False  # on the convolution and on both projections

    @property
    def past(self) -> int:
        """How many positions before a token it looks at."""
        return self.taps - 1

    @property
    def cache(self) -> Slot:
        """What entered the convolution at the last positions."""
        return Slot(self.past * self.channels)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`. The taps of the oldest position come first, one for each channel."""
        yield WeightSpec("in", (3 * self.channels, width), "convolution")
        yield vector("conv", self.taps * self.channels)
        yield WeightSpec("out", (width, self.channels), "convolution")
        if self.bias:
            yield vector("in_bias", 3 * self.channels)
            yield vector("conv_bias", self.channels)
            yield vector("out_bias", width)

    def cost(self, width: int) -> PartCost:
        """Two matrices, and the taps of each channel."""
        return PartCost((4 * width + self.taps) * self.channels)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """c · conv(b · x), projected back, where b, c and x are projections: [n, width] → [n, width] (LFM2, Liquid AI,
        2025)."""
        (gates,) = ops.linear(x, *linear_parts(weights, prefix, ["in"]))
        mixed = ops.short_conv(gates, weights[prefix + "conv"], weights.get(prefix + "conv_bias"), layer, self)
        (out,) = ops.linear(mixed, *linear_parts(weights, prefix, ["out"]))
        return out
