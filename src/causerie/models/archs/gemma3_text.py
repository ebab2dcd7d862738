"""Gemma 3, the text model: norms by 1 + w before and after each half, a scaled embedding, five sliding layers to a full
one, each kind with a rotation of its own."""

from __future__ import annotations

from dataclasses import replace

from causerie.checkpoint.expression import Expression, Plus, Tensor
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope, read_scaled
from causerie.spec.decoder import Decoder
from causerie.spec.layer import Layer
from causerie.spec.rope import Rope

_BLOCK = "model.layers.{i}."
_NORMS = {
    "layers.{i}.mixer_norm": "input_layernorm",
    "layers.{i}.mixer_norm_after": "post_attention_layernorm",
    "layers.{i}.ffn_norm": "pre_feedforward_layernorm",
    "layers.{i}.ffn_norm_after": "post_feedforward_layernorm",
    "layers.{i}.mixer.q_norm": "self_attn.q_norm",
    "layers.{i}.mixer.k_norm": "self_attn.k_norm",
}
WEIGHTS: dict[str, str | Expression] = {
    **LLAMA_WEIGHTS,
    **{ours: Plus(Tensor(f"{_BLOCK}{theirs}.weight")) for ours, theirs in _NORMS.items()},
    "norm": Plus(Tensor("model.norm.weight")),
}

DEFAULTS = {  # real configs leave most of these out
    "vocab_size": 262208,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "max_position_embeddings": 131072,
    "hidden_activation": "gelu_pytorch_tanh",
}


@architecture("gemma3_text", weights=WEIGHTS)
def gemma3_text(c: Config) -> Decoder:
    """Gemma 3 270M and 1B, and the text models of the larger ones."""
    c.assume(DEFAULTS)
    c.expect("use_bidirectional_attention", False)
    bias = c.boolean("attention_bias", False)
    ropes: dict[str, Rope] = {}

    def rope(head_dim: int) -> Rope:
        ropes.update(_ropes(c, head_dim))
        return ropes[FULL]

    spec = llama_like(c, bias=bias, out_bias=bias, head_dim=256, kv_heads=4, rope=rope, act="hidden_activation")
    spec = spec.each_attention(qk_norm=spec.norm, scale=c.number("query_pre_attn_scalar", 256) ** -0.5)
    window = c.integer("sliding_window", 4096)

    def layer(whole: Layer, kind: str) -> Layer:
        turned = whole.with_attention(rope=ropes[kind], window=window if kind == SLIDING else None)
        return replace(turned, norm_after=spec.norm)

    distance = c.integer("sliding_window_pattern", c.integer("_sliding_window_pattern", 6))
    pattern = [SLIDING if (i + 1) % distance else FULL for i in range(len(spec.layers))]
    layers = tuple(layer(*each) for each in zip(spec.layers, layer_kinds(c, pattern), strict=True))
    tied = c.boolean("tie_word_embeddings", True)
    return replace(spec, layers=layers, tied=tied, embedding_scale=spec.width**0.5)


def _ropes(c: Config, head_dim: int) -> dict[str, Rope]:
    """The rotation of each kind of layer, in either spelling of the field."""
    both = c.part("rope_parameters") if c.holds_objects("rope_parameters") else None
    local = c.number("rope_local_base_freq", 10000.0, least=1.0)
    ropes = {}
    for kind, theta in ((FULL, 1e6), (SLIDING, local)):
        part = both.part(kind) if both is not None else None
        if part is not None:
            ropes[kind] = read_scaled(c, part, head_dim, None, default_theta=theta)
        elif kind == SLIDING:
            ropes[kind] = Rope(theta, head_dim, c.integer("max_position_embeddings", 131072))
        else:
            ropes[kind] = read_rope(c, head_dim, default_theta=theta)
    return ropes
