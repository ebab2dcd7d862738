"""A causal convolution with silu behind it: what recurrences read their inputs through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.ops import Ops, Value, Weights
from causerie.spec.weight import WeightSpec, vector


@dataclass(frozen=True)
class CausalConv:
    """silu of a convolution over the last `taps` positions, each channel by itself."""

    channels: int
    taps: int  # at least 2
    bias: bool = True
    scales: tuple[tuple[int, float], ...] = ()  # of channels that follow each other: how many, and what enters times

    @property
    def past(self) -> int:
        """How many positions before a token it looks at."""
        return self.taps - 1

    @property
    def elements(self) -> int:
        """Numbers that it keeps of a sequence: what entered at the last positions."""
        return self.past * self.channels

    @property
    def parameters(self) -> int:
        """Of its taps."""
        return self.taps * self.channels

    def weights(self) -> Iterator[WeightSpec]:
        """The taps, those of the oldest position first, one for each channel; and a bias."""
        yield vector("conv", self.parameters)
        if self.bias:
            yield vector("conv_bias", self.channels)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """[n, channels] → [n, channels]"""
        return ops.causal_conv(x, weights[prefix + "conv"], weights.get(prefix + "conv_bias"), layer, self)
