"""SmolLM3: Llama in which positions turn nothing on every fourth layer."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
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
    distance = c.integer("no_rope_layer_interval", 4)
    turning = c.integers("no_rope_layers", least=0, most=1)  # 1 where a layer turns, in spite of the name
    if turning is None:
        turning = [int((i + 1) % distance != 0) for i in range(count)]
    if len(turning) < count:
        raise c.wrong("no_rope_layers", turning, f"a list of at least {count} numbers, each 0 or 1")
    window = c.optional_integer("sliding_window", None)
    if not c.boolean("use_sliding_window", False):
        window = None
    kinds = layer_kinds(c, [FULL if turns or window is None else SLIDING for turns in turning[:count]])
    spec = with_kinds(spec, kinds, {SLIDING: {"window": window}})
    layers = (
        layer if turns else layer.with_attention(rope=None) for layer, turns in zip(spec.layers, turning, strict=False)
    )
    return replace(spec, layers=tuple(layers), tied=c.boolean("tie_word_embeddings", True))
