"""Several streams of activations, of which a layer computes one: a part of a decoder and of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec, vector

STREAMS = "streams."
"""What the names of weights begin with by which streams are entered and left."""
LEAST_SQUARE = 1e-5
"""Where the mean square of a stream is less, it counts as this much when the stream is made as large as another."""


@dataclass(frozen=True)
class AltUp:
    """`count` streams of `width` numbers for each token, side by side in a row. Before a layer all are predicted from
    all; the layer computes the first one; and all are corrected by how far off its prediction was. The factors of both
    mixtures are each token's own (Baykal et al., "Alternating updates for efficient transformers", 2023)."""

    count: int
    width: int
    norm: Norm

    def shared_weights(self) -> Iterator[WeightSpec]:
        """Of what all layers share: a matrix for each stream but the first, to enter it and to leave it."""
        for name in (*self._projections("enter"), *self._projections("leave")):
            yield WeightSpec(name, (self.width, self.width), "feed-forward")

    def weights(self) -> Iterator[WeightSpec]:
        """Of one layer."""
        yield from self.norm.weights("norm", self.width)
        yield WeightSpec("router", (self.count, self.width), "router")
        yield WeightSpec("predict", (self.count**2, self.count), "router")
        yield WeightSpec("correct", (self.count, self.count), "router")
        yield vector("scale", self.width)

    def cost(self) -> PartCost:
        """Of one layer: what routes and mixes, before it and behind it."""
        return PartCost((2 * self.count + self.count**2 + self.count) * self.width)

    def shared_cost(self) -> PartCost:
        """Of entering and leaving."""
        return PartCost(2 * (self.count - 1) * self.width**2)

    def entry(self, ops: Ops, x: Value, weights: Weights) -> Value:
        """[n, count · width]: embeddings x, and behind them what is made of them for the other streams, as large."""
        made = ops.joined(x, *linear_parts(weights, STREAMS, self._projections("enter")))
        return ops.leveled(x, made, LEAST_SQUARE)

    def exit(self, ops: Ops, streams: Value, weights: Weights) -> Value:
        """[n, width]: the mean of the first stream and of what is made of the others, as large."""
        first, others = self.first(ops, streams), ops.columns(streams, self.width, (self.count - 1) * self.width)
        made = ops.block_diagonal(others, linear_parts(weights, STREAMS, self._projections("leave")))
        level = ops.leveled(first, made, LEAST_SQUARE)
        return ops.softcap(ops.blend(first, level, self.width, None, self._but_the_first), 1 / self.count, None)

    def prediction(self, ops: Ops, streams: Value, weights: Weights, prefix: str) -> Value:
        """[n, count · width]: each stream, and a mixture of all."""
        routed = self._routed(ops, self.first(ops, streams), weights, prefix)
        (factors,) = ops.linear(routed, *linear_parts(weights, prefix, ["predict"]))
        return ops.blend(streams, streams, self.width, factors)

    def correction(self, ops: Ops, streams: Value, made: Value, weights: Weights, prefix: str) -> Value:
        """[n, count · width]: predicted `streams`, and a share of what the first, which was to be `made`, lacks."""
        routed = self._routed(ops, made, weights, prefix)
        (factors,) = ops.linear(routed, *linear_parts(weights, prefix, ["correct"]))
        lack = ops.add(made, self.first(ops, streams), -1.0)
        return ops.blend(streams, lack, self.width, factors, (1.0,) * self.count)

    def first(self, ops: Ops, streams: Value) -> Value:
        """[n, width]"""
        return ops.columns(streams, 0, self.width)

    def gating(self, ops: Ops, streams: Value, weights: Weights, prefix: str) -> Value:
        """[n, width]: the first stream, scaled, by which a layer's further input is gated."""
        return ops.times(self.first(ops, streams), weights[prefix + "scale"])

    def addition(self, ops: Ops, streams: Value, made: Value) -> Value:
        """[n, count · width]: what was `made`, [n, width], added to all streams but the first."""
        return ops.blend(streams, made, self.width, None, self._but_the_first)

    def _routed(self, ops: Ops, x: Value, weights: Weights, prefix: str) -> Value:
        """[n, count]"""
        normed = self.norm.forward(ops, x, weights, prefix + "norm")
        (scores,) = ops.linear(normed, *linear_parts(weights, prefix, ["router"]))
        return ops.softcap(scores, 1 / self.width, 1.0)

    def _projections(self, way: str) -> Sequence[str]:
        return [f"{way}.{number}" for number in range(1, self.count)]

    @property
    def _but_the_first(self) -> tuple[float, ...]:
        return (0.0, *(1.0,) * (self.count - 1))
