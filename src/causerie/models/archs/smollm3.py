"""SmolLM3: Llama in which positions turn nothing on every fourth layer."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, turning_layers, with_kinds
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder


@architecture("smollm3", weights=LLAMA_WEIGHTS)
def smollm3(c: Config) -> Decoder:
    """SmolLM3 3B."""
    bias, mlp_bias = c.boolean("attention_bias", False), c.boolean("mlp_bias", False)

    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        mlp_bias=mlp_bias,
        kv_heads=4,
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=2e6),
    )
    count = len(spec.layers)
    turning = turning_layers(c, count)
    window = c.optional_integer("sliding_window", None)
    if not c.boolean("use_sliding_window", False):
        window = None
    kinds = layer_kinds(c, [FULL if turns or window is None else SLIDING for turns in turning])
    spec = with_kinds(spec, kinds, {SLIDING: {"window": window}})
    layers = (
        layer if turns else layer.with_attention(rope=None) for layer, turns in zip(spec.layers, turning, strict=True)
    )
    return replace(spec, layers=tuple(layers), tied=c.boolean("tie_word_embeddings", True))
