"""What a decoder is made of, as frozen values: the one description that construction, loading, cache layout and memory
planning share.

Nothing here computes, and nothing heavy is imported: a spec exists without weights, numpy or torch. It does not know
what a checkpoint calls its tensors (see names.py) nor how an operation is done (see backends/ops.py).

A field is here only if two families need it or it is a number with a neutral default, and only with a parity test that
fails when the field is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

Activation = Literal["silu", "gelu", "gelu_tanh"]


@dataclass(frozen=True)
class Norm:
    """Root-mean-square norm: x / sqrt(mean(x²) + eps) · weight (Zhang & Sennrich, 2019)."""

    eps: float


@dataclass(frozen=True)
class Rope:
    """Rotary positions (Su et al., 2021), half layout: element i turns with element i + dims/2.

    scaling is one of "default", "linear", "dynamic", "llama3", "yarn"; `options` holds that rule's own numbers under
    the names config.json uses, sorted, so that the value stays hashable. The arithmetic is in rope.py.
    """

    theta: float
    dims: int  # how many leading elements of a head turn; even
    context: int  # max_position_embeddings of the checkpoint
    scaling: str = "default"
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Attention:
    """Grouped-query attention over a causal, optionally sliding, window."""

    heads: int
    kv_heads: int
    head_dim: int
    scale: float  # scores are q·k times this
    rope: Rope
    window: int | None = None  # a token sees itself and the window - 1 tokens before it; None sees everything
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: Norm | None = None  # on every query and key head, before the rotation

    @property
    def group(self) -> int:
        """How many query heads share one key/value head."""
        return self.heads // self.kv_heads


@dataclass(frozen=True)
class MLP:
    """Gated feed-forward layer: down(act(gate(x)) · up(x))."""

    hidden: int
    act: Activation = "silu"
    bias: bool = False


@dataclass(frozen=True)
class Layer:
    """One block: x += mixer(norm(x)); x += ffn(norm(x))."""

    mixer: Attention
    ffn: MLP
    norm: Norm


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
