"""A whole decoder, and all of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from causerie.spec.layer import Layer
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope


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

    def each_mixer(self, **changes: Any) -> Decoder:
        """The same decoder with these fields changed in every layer's mixer."""
        layers = tuple(replace(layer, mixer=replace(layer.mixer, **changes)) for layer in self.layers)
        return replace(self, layers=layers)

    @cached_property
    def ropes(self) -> tuple[Rope, ...]:
        """The distinct rotations, in order of first use."""
        return tuple(dict.fromkeys(layer.mixer.rope for layer in self.layers))

    def weights(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Every weight by canonical name with its shape; matrices are (outputs, inputs), vectors (length,)."""
        yield "embed", (self.vocab, self.width)
        for i, layer in enumerate(self.layers):
            for name, shape in _layer_weights(self.width, layer):
                yield f"layers.{i}.{name}", shape
        yield "norm", (self.width,)
        if not self.tied:
            yield "head", (self.vocab, self.width)

    @property
    def parameters(self) -> int:
        """Number of parameters, a tied head counted once."""
        total = 0
        for _, shape in self.weights():
            count = 1
            for size in shape:
                count *= size
            total += count
        return total


def _layer_weights(width: int, layer: Layer) -> Iterator[tuple[str, tuple[int, ...]]]:
    mixer, ffn = layer.mixer, layer.ffn
    q_width, kv_width = mixer.heads * mixer.head_dim, mixer.kv_heads * mixer.head_dim
    yield "mixer_norm", (width,)
    for name, rows in (("q", q_width), ("k", kv_width), ("v", kv_width)):
        yield f"mixer.{name}", (rows, width)
        if mixer.qkv_bias:
            yield f"mixer.{name}_bias", (rows,)
    if mixer.qk_norm is not None:
        yield "mixer.q_norm", (mixer.head_dim,)
        yield "mixer.k_norm", (mixer.head_dim,)
    yield "mixer.o", (width, q_width)
    if mixer.out_bias:
        yield "mixer.o_bias", (width,)
    yield "ffn_norm", (width,)
    for name, shape in (("gate", (ffn.hidden, width)), ("up", (ffn.hidden, width)), ("down", (width, ffn.hidden))):
        yield f"ffn.{name}", shape
        if ffn.bias:
            yield f"ffn.{name}_bias", (shape[0],)
