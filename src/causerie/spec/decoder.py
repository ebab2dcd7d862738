"""A whole decoder, and all of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from causerie.spec.layer import Layer
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope
from causerie.spec.weight import WeightSpec, vector

EMBEDDING, NORM, HEAD = "embed", "norm", "head"
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
    drafting_layers: int = 0  # that files hold behind these: they propose tokens ahead, and change no answer
    embedding_scale: float = 1.0  # of the rows that the embedding gives

    def each_mixer(self, **changes: Any) -> Decoder:
        """The same decoder with these fields changed in every layer's mixer."""
        layers = tuple(replace(layer, mixer=replace(layer.mixer, **changes)) for layer in self.layers)
        return replace(self, layers=layers)

    @cached_property
    def ropes(self) -> tuple[Rope, ...]:
        """The distinct rotations, in order of first use."""
        return tuple(dict.fromkeys(layer.mixer.rope for layer in self.layers))

    def weights(self) -> Iterator[WeightSpec]:
        """Every weight by its canonical name."""
        yield WeightSpec(EMBEDDING, (self.vocab, self.width), "embedding")
        for i, layer in enumerate(self.layers):
            for weight in layer.weights(self.width):
                yield weight.within(f"layers.{i}.")
        yield vector(NORM, self.width)
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
