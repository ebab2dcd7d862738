"""The gated delta rule: a part of a decoder that keeps a matrix for each head, and at each position corrects what it
gives for a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.layer_cache import Slot
from causerie.spec.norm import Norm
from causerie.spec.ops import DeltaVectors, Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec, vector

_INPUTS = ("query", "key", "value", "out_gate", "beta", "step")

MOST_TAPS = 8
"""Of the convolution: the first rows of a step that look back before it are few enough for kernels to take together."""

LENGTH_EPS = 1e-6
"""Is added to the square of what queries and keys are divided by, their length."""


@dataclass(frozen=True)
class DeltaRule:
    """Gated DeltaNet (Yang et al., 2024). Queries, keys and values pass a short convolution and silu; each head has a
    matrix that is shrunk at each position, and into which the value is written that its key shall give."""

    key_heads: int  # of queries too
    value_heads: int  # a multiple of these: neighbours share a query and a key
    key_dim: int
    value_dim: int
    taps: int  # of the convolution, from 2 to MOST_TAPS
    norm: Norm  # of what each head gives, before it is multiplied by silu(gate(x))

    @property
    def key_width(self) -> int:
        """Elements of all keys, and of all queries."""
        return self.key_heads * self.key_dim

    @property
    def value_width(self) -> int:
        """Elements of all values."""
        return self.value_heads * self.value_dim

    @property
    def group(self) -> int:
        """How many value heads share one key."""
        return self.value_heads // self.key_heads

    @property
    def channels(self) -> int:
        """What the convolution mixes: queries, keys and values, one after the other."""
        return 2 * self.key_width + self.value_width

    @property
    def past(self) -> int:
        """How many positions before a token the convolution looks at."""
        return self.taps - 1

    @property
    def state(self) -> int:
        """Elements of the matrices of all heads."""
        return self.value_heads * self.key_dim * self.value_dim

    @property
    def cache(self) -> Slot:
        """What entered the convolution at the last positions, then the matrices."""
        return Slot(self.past * self.channels + self.state)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`. The taps of the oldest position come first, one for each channel."""
        yield WeightSpec("query", (self.key_width, width), "recurrence")
        yield WeightSpec("key", (self.key_width, width), "recurrence")
        yield WeightSpec("value", (self.value_width, width), "recurrence")
        yield WeightSpec("out_gate", (self.value_width, width), "recurrence")
        yield WeightSpec("beta", (self.value_heads, width), "rate")
        yield WeightSpec("step", (self.value_heads, width), "rate")
        yield vector("conv", self.taps * self.channels)
        yield WeightSpec("log_rate", (self.value_heads,), "exact")
        yield WeightSpec("step_offset", (self.value_heads,), "exact")
        yield from self.norm.weights("norm", self.value_dim)
        yield WeightSpec("out", (width, self.value_width), "recurrence")

    def cost(self, width: int) -> PartCost:
        """The matrices, the taps of each channel, and four passes over what is kept: to recall, to shrink, to write and
        to read."""
        matrices = 2 * self.key_width + 3 * self.value_width + 2 * self.value_heads
        return PartCost(matrices * width + self.taps * self.channels + 4 * self.state)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """What `Ops.delta` gives, normed head by head, gated and projected back: [n, width] → [n, width]."""
        q, k, v, gate, beta, step = ops.linear(x, *linear_parts(weights, prefix, _INPUTS))
        vectors = DeltaVectors(*(weights[prefix + name] for name in ("conv", "log_rate", "step_offset")))
        mixed = ops.delta((q, k, v), beta, step, vectors, layer, self)
        normed = self.norm.forward(ops, mixed, weights, prefix + "norm", self.value_dim)
        (out,) = ops.linear(ops.glu(gate, normed, "silu"), *linear_parts(weights, prefix, ["out"]))
        return out
