"""A whole decoder, and all of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from causerie.spec.alt_up import STREAMS, AltUp
from causerie.spec.attention import Attention
from causerie.spec.draft_head import DraftHead
from causerie.spec.latent import LatentAttention
from causerie.spec.layer import Layer
from causerie.spec.layer_cache import PageGroup
from causerie.spec.layer_input import LAYER_INPUTS, LayerInput
from causerie.spec.norm import Norm
from causerie.spec.positions import Positions
from causerie.spec.rope import Rope
from causerie.spec.weight import WeightSpec, vector

EMBEDDING, NORM, HEAD = "embed", "norm", "head"
POSITIONS, EMBEDDING_NORM = "positions", "embed_norm"
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
    draft_head: DraftHead | None = None  # what is held of these, to guess with
    embedding_scale: float = 1.0  # of the rows that the embedding gives
    positions: Positions | None = None  # learned: added to the embedding
    embedding_norm: Norm | None = None  # of what the first layer reads
    head_bias: bool = False
    logits_scale: float = 1.0
    logits_softcap: float | None = None  # then a logit l becomes logits_softcap · tanh(l / logits_softcap)

    def each_attention(self, **changes: Any) -> Decoder:
        """The same decoder with these fields changed in the attention of every layer that has one."""
        return replace(self, layers=tuple(layer.with_attention(**changes) for layer in self.layers))

    @property
    def attentions(self) -> Iterator[Attention]:
        """That of each layer that attends."""
        return (layer.attention for layer in self.blocks if layer.attention is not None)

    @property
    def latent_attentions(self) -> Iterator[LatentAttention]:
        """The mixer of each layer that attends to latents."""
        return (layer.mixer for layer in self.blocks if isinstance(layer.mixer, LatentAttention))

    @property
    def attending(self) -> Iterator[Attention | LatentAttention]:
        """Both kinds."""
        for layer in self.blocks:
            if isinstance(layer.mixer, LatentAttention):
                yield layer.mixer
            elif layer.attention is not None:
                yield layer.attention

    def each_layer(self, **changes: Any) -> Decoder:
        """The same decoder with these fields changed in every layer."""
        return replace(self, layers=tuple(replace(layer, **changes) for layer in self.layers))

    @property
    def blocks(self) -> tuple[Layer, ...]:
        """All that keep something of a text: the layers, and behind them those of draft heads."""
        head = self.draft_head
        return self.layers if head is None else (*self.layers, *[head.block] * head.count)

    @property
    def layer_input(self) -> LayerInput | None:
        """What layers are given besides: all of them, or none."""
        return self.layers[0].input if self.layers else None

    @property
    def streams(self) -> AltUp | None:
        """Of which each layer computes one: in all layers, or in none."""
        return self.layers[0].streams if self.layers else None

    @property
    def looked_up(self) -> Iterator[WeightSpec]:
        """The weights of which a step reads a row for each of its tokens."""
        for weight in self.weights():
            if weight.role in ("layer inputs", "positions") or (weight.name == EMBEDDING and not self.tied):
                yield weight

    @cached_property
    def ropes(self) -> tuple[Rope, ...]:
        """The distinct rotations, in order of first use."""
        return tuple(dict.fromkeys(rope for mixer in self.attending for rope in mixer.ropes))

    @cached_property
    def page_groups(self) -> tuple[PageGroup, ...]:
        """The layers that keep pages of their own, by how far they look back, the farthest first."""
        layers: dict[int | None, list[int]] = {}
        for i, layer in enumerate(self.blocks):
            if (pages := layer.pages) is not None and pages.of is None:
                layers.setdefault(pages.window, []).append(i)
        order = sorted(layers, key=lambda window: (window is not None, window or 0))
        return tuple(PageGroup(window, tuple(layers[window])) for window in order)

    @cached_property
    def slot_layers(self) -> tuple[int, ...]:
        """The layers that keep a slot."""
        return tuple(i for i, layer in enumerate(self.layers) if layer.slot is not None)

    def weights(self) -> Iterator[WeightSpec]:
        """Every weight by its canonical name."""
        yield WeightSpec(EMBEDDING, (self.vocab, self.width), "embedding")
        if self.positions is not None:
            yield WeightSpec(POSITIONS, (self.positions.rows, self.width), "positions")
        if self.embedding_norm is not None:
            yield from self.embedding_norm.weights(EMBEDDING_NORM, self.width)
        if self.layer_input is not None:
            for weight in self.layer_input.shared_weights(self.width, len(self.layers)):
                yield weight.within(LAYER_INPUTS)
        if self.streams is not None:
            for weight in self.streams.shared_weights():
                yield weight.within(STREAMS)
        for i, layer in enumerate(self.layers):
            for weight in layer.weights(self.width):
                yield weight.within(f"layers.{i}.")
        yield from self.norm.weights(NORM, self.width)
        if not self.tied:
            yield WeightSpec(HEAD, (self.vocab, self.width), "head")
        if self.head_bias:
            yield vector(f"{self.head}_bias", self.vocab)
        yield from self.draft_weights()

    def draft_weights(self) -> Iterator[WeightSpec]:
        """Those of the draft head, or of several."""
        for number in range(0 if self.draft_head is None else self.draft_head.count):
            yield from self.head_weights(number)

    def head_weights(self, number: int) -> Iterator[WeightSpec]:
        """Those of one draft head; its block is called like a layer behind the last one."""
        if self.draft_head is not None:
            yield from self.draft_head.weights(self.width, number)
            for weight in self.draft_head.block.weights(self.width):
                yield weight.within(f"layers.{len(self.layers) + number}.")

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
        """Number of parameters, a tied head counted once and a draft head not at all."""
        return sum(weight.parameters for weight in self.weights()) - sum(
            weight.parameters for weight in self.draft_weights()
        )
