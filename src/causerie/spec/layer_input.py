"""What each layer is given of a token besides what the layer before it made: a part of a decoder and of its layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.mlp import Gating
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec

LAYER_INPUTS = "layer_inputs."
"""What the names of weights begin with that all layers share."""


@dataclass(frozen=True)
class LayerInput:
    """`width` numbers for each layer: of a row of a table that has one for each token, and of a projection of its
    embedding. A layer adds to its result what it makes of its own ones (Gemma 3n, Google DeepMind, 2025)."""

    vocab: int  # rows of the table; of a token that it has no row for, the first one counts
    width: int
    act: Gating
    norm: Norm

    def shared_weights(self, width: int, layers: int) -> Iterator[WeightSpec]:
        """Of what all layers share, in a decoder of rows of `width`."""
        yield WeightSpec("table", (self.vocab, layers * self.width), "layer inputs")
        yield WeightSpec("projection", (layers * self.width, width), "feed-forward")
        yield from self.norm.weights("norm", self.width)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """Of one layer."""
        yield WeightSpec("gate", (self.width, width), "feed-forward")
        yield WeightSpec("projection", (width, self.width), "feed-forward")
        yield from self.norm.weights("norm", width)

    def cost(self, width: int) -> PartCost:
        """Of one layer, with its share of the projection of embeddings."""
        return PartCost(3 * width * self.width)

    def shared(self, ops: Ops, x: Value, weights: Weights, width: int) -> Value:
        """[n, layers · self.width]: what all layers are given, of embeddings x of `width`."""
        (projected,) = ops.linear(x, *linear_parts(weights, LAYER_INPUTS, ["projection"]))
        # What is projected counts divided by √width, which its norm takes away again, but for its constant.
        norm = Norm(self.norm.eps * width)
        projected = norm.forward(ops, projected, weights, LAYER_INPUTS + "norm", self.width)
        rows = ops.embed(weights[LAYER_INPUTS + "table"], self.width**0.5)
        return ops.softcap(ops.add(projected, rows), 2**-0.5, None)

    def forward(self, ops: Ops, x: Value, extra: Value, weights: Weights, prefix: str) -> Value:
        """x and what is made of it and of `extra`, [n, self.width]."""
        return ops.add(x, self.addition(ops, x, extra, weights, prefix))

    def addition(self, ops: Ops, x: Value, extra: Value, weights: Weights, prefix: str) -> Value:
        """What is made of `extra`, gated by x."""
        (gate,) = ops.linear(x, *linear_parts(weights, prefix, ["gate"]))
        (made,) = ops.linear(ops.glu(gate, extra, self.act), *linear_parts(weights, prefix, ["projection"]))
        return self.norm.forward(ops, made, weights, prefix + "norm")
