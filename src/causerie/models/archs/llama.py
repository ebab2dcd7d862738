"""Llama, and what most families start from: grouped-query attention, rotary positions, gated feed-forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from causerie.errors import ConfigError
from causerie.models.config import MOST_LAYERS, REQUIRED, Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.latent import LatentAttention
from causerie.spec.layer import Layer
from causerie.spec.mlp import MLP, Activation
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope

ACTIVATIONS: dict[str, Activation] = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
    "relu2": "relu2",
    "gelu_pytorch_tanh": "gelu_tanh",
}


@architecture("llama", weights=LLAMA_WEIGHTS)
def llama(c: Config) -> Decoder:
    """Llama 1 to 3, TinyLlama, SmolLM2."""
    c.expect("rope_interleaved", False)
    bias = c.boolean("attention_bias", False)
    return llama_like(c, bias=bias, out_bias=bias, mlp_bias=c.boolean("mlp_bias", False))


def llama_like(
    c: Config,
    *,
    bias: bool = False,
    out_bias: bool = False,
    mlp_bias: bool = False,
    kv_heads: int | None = None,
    head_dim: int | None = None,
    rope: Callable[[int], Rope | None] | None = None,
    act: str | None = "hidden_act",
    eps: str = "rms_norm_eps",
    default_act: str = "silu",
    norm: Norm | None = None,
    gated: bool = True,
    hidden: int | Sequence[int] | None = None,
    latents: LatentAttention | None = None,
) -> Decoder:
    """The part that families share. `kv_heads` and `head_dim` are what a config means that does not set them; None:
    as many as heads, and the width divided among the heads. `rope` gives the rotation of heads of a size, where it is
    not read as Llama's is, and may be none; `act` is the key of the activation, which is the family's own where the
    config has none; `eps` is the key of the norms' constant, `norm` that of families whose norms are others; `hidden`
    is the width inside of the feed-forward layer of configs that do not say it, or those of all layers, which the
    family has read; `latents` is what layers attend to instead."""
    width = c.integer("hidden_size")
    norm = norm or Norm(c.number(eps, 1e-6, above=False))
    mixer = latents or replace(_attention(c, width, kv_heads, head_dim, rope), qkv_bias=bias, out_bias=out_bias)
    count = c.integer("num_hidden_layers", most=MOST_LAYERS)
    if not isinstance(hidden, Sequence):
        hidden = [c.integer("intermediate_size", REQUIRED if hidden is None else hidden)] * count
    mlp = MLP(0, _activation(c, act, default_act), mlp_bias, gated)
    return Decoder(
        family=c.family,
        vocab=c.integer("vocab_size"),
        width=width,
        layers=tuple(Layer(mixer, replace(mlp, hidden=inner), norm) for inner in hidden),
        norm=norm,
        tied=c.boolean("tie_word_embeddings", False),
        context=c.integer("max_position_embeddings") if mixer.rope is None else mixer.rope.context,
    )


def _attention(
    c: Config, width: int, kv_heads: int | None, head_dim: int | None, rope: Callable[[int], Rope | None] | None
) -> Attention:
    heads = c.integer("num_attention_heads")
    head_dim = c.optional_integer("head_dim", head_dim) or _divided(c, "hidden_size", width, heads)
    return Attention(
        heads=heads,
        kv_heads=_kv_heads(c, heads, kv_heads),
        head_dim=head_dim,
        scale=head_dim**-0.5,
        rope=rope(head_dim) if rope is not None else read_rope(c, head_dim),
    )


def layer_norm(c: Config, eps: str, *, bias: bool = True) -> Norm:
    """The norm of families that take the mean off; `eps` is the key of its constant."""
    return Norm(c.number(eps, 1e-5, above=False), centered=True, bias=bias)


def _kv_heads(c: Config, heads: int, absent: int | None) -> int:
    kv_heads = c.optional_integer("num_key_value_heads", absent) or heads
    _divided(c, "num_attention_heads", heads, kv_heads)
    return kv_heads


def _divided(c: Config, name: str, whole: int, parts: int) -> int:
    if whole % parts:
        raise c.wrong(name, whole, f"a multiple of {parts}, because it is divided among {parts} heads")
    return whole // parts


def _activation(c: Config, key: str | None, default: str) -> Activation:
    named = default if key is None else c.word(key, default)
    if named not in ACTIVATIONS:
        raise ConfigError(f"{c.origin.name} sets {key!r} = {named!r}; known here: {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[named]
