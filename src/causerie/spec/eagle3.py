"""A head that guesses what a decoder will say next from what some of its layers made of each token (EAGLE-3: Li et al.,
2025): a small decoder of its own, whose first block reads two rows for each token.

At position p it reads what the other decoder's layers made of the token there, and the embedding of the token that
followed; its logits are of the one after that. Where it guesses further, its own last row stands for those layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.attention import Attention
from causerie.spec.cost import PartCost
from causerie.spec.decoder import EMBEDDING, HEAD, Decoder
from causerie.spec.layer import Layer
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec

FUSION, FUSION_NORM = "fusion", "fusion_norm"
"""Canonical names of what makes one row of those of several layers."""

_STATE, _TOKEN = "_state", "_token"  # end the names of matrices by which of both rows they read


@dataclass(frozen=True)
class PairedLayer(Layer):
    """A block with one attention and norms before both halves, whose queries, keys and values are made of two rows:
    the norm of what the block is given, and the norm of the token's embedding."""

    residual_normed: bool = False  # attention is added to the norm of what the block is given, not to that itself

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        renamed = {"mixer_norm": "state_norm"}
        for name in self._paired.projections:
            renamed |= {f"mixer.{name}{end}": f"mixer.{name}{_STATE}{end}" for end in ("", "_bias")}
        for weight in super().weights(width):
            yield weight._replace(name=renamed.get(weight.name, weight.name))
        assert self.norm is not None
        yield from self.norm.weights("token_norm", width)
        for name, rows in self._paired.projections.items():
            yield WeightSpec(f"mixer.{name}{_TOKEN}", (rows, width), "attention")

    def cost(self, width: int) -> PartCost:
        """Of its parts, and of what reads the embedding."""
        return super().cost(width) + PartCost(sum(self._paired.projections.values()) * width)

    def forward(
        self, ops: Ops, x: Value, layer: int, weights: Weights, *, last: bool, extra: Value | None = None
    ) -> Value:
        """[n, width] → [n, width], of the last block only the rows that are wanted; `extra` are the embeddings."""
        prefix = f"layers.{layer}."
        assert self.norm is not None
        states = self.norm.forward(ops, x, weights, prefix + "state_norm")
        tokens = self.norm.forward(ops, extra, weights, prefix + "token_norm")
        names = self._paired.projections
        of_states, of_tokens = (
            ops.linear(row, *linear_parts(weights, prefix + "mixer.", [name + end for name in names]))
            for row, end in ((states, _STATE), (tokens, _TOKEN))
        )
        made = {name: ops.add(*both) for name, *both in zip(names, of_states, of_tokens, strict=True)}
        result = self._paired.gathered(ops, made, layer, weights, prefix + "mixer.")
        mixed = ops.add(states if self.residual_normed else x, result)
        mixed = ops.select(mixed) if last else mixed
        read = self.norm.forward(ops, mixed, weights, prefix + "ffn_norm")
        return ops.add(mixed, self.ffn.forward(ops, read, layer, weights, prefix + "ffn."))

    @property
    def _paired(self) -> Attention:
        assert isinstance(self.mixer, Attention)
        return self.mixer


@dataclass(frozen=True)
class Eagle3(Decoder):
    """The whole head, for a decoder of `vocab` tokens; its layers are a `PairedLayer` and perhaps others behind it."""

    guessed: int = 0  # tokens that it may guess: rows of its own matrix for logits
    taps: tuple[int, ...] = ()  # of the other decoder: how many of its layers have made each row that is read
    tapped_width: int = 0  # of one such row
    taps_normed: bool = False  # together, before they become one row
    own_embedding: bool = True  # else it is the other decoder's

    def weights(self) -> Iterator[WeightSpec]:
        """Every weight of its own by its canonical name."""
        for weight in super().weights():
            if weight.name != EMBEDDING or self.own_embedding:
                yield weight._replace(shape=(self.guessed, self.width)) if weight.name == HEAD else weight
        yield WeightSpec(FUSION, (self.width, self.states_width), "feed-forward")
        if self.taps_normed:
            yield from self.norm.weights(FUSION_NORM, self.states_width)

    @property
    def states_width(self) -> int:
        """Of the rows of all taps, side by side."""
        return len(self.taps) * self.tapped_width
