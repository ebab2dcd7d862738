"""A whole decoder, and all of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from causerie.spec.layer import Layer
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope
from causerie.spec.weight import WeightSpec

EMBEDDING, NORM, HEAD = "embed", "norm", "head"
EMBEDDING_NORM = "embed_norm"
"""Canonical names of what is no layer's."""


@dataclass(frozen=True)
class Decoder:
    """A whole model: embedding, layers, final norm, head."""

    family: str  # the model_type that made this spec
    vocab: int
    width: int
    layers: tuple[Layer, ...]
    norm: Norm
    tied: bool  # the head is the embedding
    context: int  # longest sequence, in tokens: max_position_embeddings, whatever the scaling of its rotations
    embedding_scale: float = 1.0  # of the rows that the embedding gives
    embedding_norm: Norm | None = None  # of what the first layer reads
    logits_scale: float = 1.0
    logits_softcap: float | None = (
        None  # a logit l becomes logits_softcap · tanh(l / logits_softcap), once it is scaled
    )

    def each_mixer(self, **changes: Any) -> Decoder:
        """The same decoder with these fields changed in every layer's mixer."""
        layers = tuple(replace(layer, mixer=replace(layer.mixer, **changes)) for layer in self.layers)
        return replace(self, layers=layers)

    @cached_property
    def ropes(self) -> tuple[Rope, ...]:
        """The distinct rotations, in order of first use."""
        return tuple(dict.fromkeys(rope for layer in self.layers for rope in layer.mixer.ropes))

    def weights(self) -> Iterator[WeightSpec]:
        """Every weight by its canonical name."""
        yield WeightSpec(EMBEDDING, (self.vocab, self.width), "embedding")
        if self.embedding_norm is not None:
            yield from self.embedding_norm.weights(EMBEDDING_NORM, self.width)
        for i, layer in enumerate(self.layers):
            for weight in layer.weights(self.width):
                yield weight.within(f"layers.{i}.")
        yield from self.norm.weights(NORM, self.width)
        if not self.tied:
            yield WeightSpec(HEAD, (self.vocab, self.width), "head")

    @property
    def head(self) -> str:
        """The canonical name of the matrix that gives logits."""
        return EMBEDDING if self.tied else HEAD

    @property
    def active_parameters(self) -> float:
        """Number of parameters that one token's step uses: all, but for experts that it does not go to."""
        unread = (each for layer in self.layers for each in layer.unread(self.width, 1))
        return self.parameters - sum(weight.parameters * count for weight, count in unread)

    @property
    def parameters(self) -> int:
        """Number of parameters, a tied head counted once."""
        return sum(weight.parameters for weight in self.weights())
