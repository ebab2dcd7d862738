"""Bamba: layers of Mamba-2 and some that attend, of which half of each head turns, each with a feed-forward layer."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.recurrence import mamba2_mixer, mamba2_weights
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder

_LAYER = "model.layers.{i}."
_OTHERS = {
    "layers.{i}.ffn_norm": _LAYER + "pre_ff_layernorm.weight",
    **{f"layers.{{i}}.ffn.{name}": f"{_LAYER}feed_forward.{name}_proj.weight" for name in ("gate", "up", "down")},
    **{f"layers.{{i}}.ffn.{name}_bias": f"{_LAYER}feed_forward.{name}_proj.bias" for name in ("gate", "up", "down")},
    "norm": "model.final_layernorm.weight",
}


def weights(spec: Decoder) -> Table:
    """Llama's with some other names, and Mamba-2's."""
    return {**LLAMA_WEIGHTS, **_OTHERS, **mamba2_weights(spec, _LAYER + "mamba")}


@architecture("bamba", weights=weights)
def bamba(c: Config) -> Decoder:
    """Bamba 9B."""
    c.assume({"max_position_embeddings": 262144, "partial_rotary_factor": 0.5})
    bias = c.boolean("attention_bias", False)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        mlp_bias=c.boolean("mlp_bias", False),
        kv_heads=8,
        rope=lambda head_dim: read_rope(c, head_dim, partial=True),
    )
    c.expect("attn_rotary_emb", spec.ropes[0].dims)
    mamba = mamba2_mixer(c, int(c.number("mamba_expand", 2) * spec.width), spec.norm)
    attending = c.integers("attn_layer_indices", most=len(spec.layers) - 1) or []
    layers = (layer if i in attending else replace(layer, mixer=mamba) for i, layer in enumerate(spec.layers))
    return replace(spec, layers=tuple(layers))
