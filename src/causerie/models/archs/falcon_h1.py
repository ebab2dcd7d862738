"""Falcon-H1: attention and Mamba-2 side by side in every layer, and a number of the config on nearly everything."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, Table, with_biases
from causerie.models.recurrence import mamba2_mixer, mamba2_weights
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.layer import Layer
from causerie.spec.mamba2 import InputScales
from causerie.spec.mlp import MLP
from causerie.spec.side_by_side import SideBySide

_LAYER = "model.layers.{i}."
_ATTENTION = {
    f"layers.{{i}}.mixer.attention.{ours}": f"{_LAYER}self_attn.{ours}_proj.weight" for ours in ("q", "k", "v", "o")
}
_OTHERS = {
    "layers.{i}.ffn_norm": _LAYER + "pre_ff_layernorm.weight",
    **{f"layers.{{i}}.ffn.{ours}": f"{_LAYER}feed_forward.{ours}_proj.weight" for ours in ("gate", "up", "down")},
    "norm": "model.final_layernorm.weight",
}


def weights(spec: Decoder) -> Table:
    """Llama's with some other names, and Mamba-2's."""
    return {**LLAMA_WEIGHTS, **with_biases({**_ATTENTION, **_OTHERS}), **mamba2_weights(spec, _LAYER + "mamba")}


@architecture("falcon_h1", weights=weights)
def falcon_h1(c: Config) -> Decoder:
    """Falcon-H1 0.5B to 34B, Falcon-H1R and Falcon-H1-Tiny."""
    c.expect("layer_types", ["hybrid"] * c.integer("num_hidden_layers"))
    c.expect("mamba_use_mlp", True)
    c.expect("attn_layer_indices", [])
    c.leave("mlp_expansion_factor")  # in released files; the width of the feed-forward layer is there too
    bias = c.boolean("attention_bias", False)
    spec = llama_like(
        c, bias=bias, out_bias=bias, mlp_bias=c.boolean("mlp_bias", False), kv_heads=8, eps="rms_norm_eps"
    )
    layer = spec.layers[0]
    gate, down = c.numbers("mlp_multipliers", 2) if c.has("mlp_multipliers") else (1.0, 1.0)
    assert isinstance(layer.ffn, MLP)
    layer = replace(layer, mixer=_mixer(c, spec, layer), ffn=replace(layer.ffn, gate_scale=gate, scale=down))
    return replace(
        spec,
        layers=(layer,) * len(spec.layers),
        embedding_scale=c.number("embedding_multiplier", 1.0),
        logits_scale=c.number("lm_head_multiplier", 1.0),
    )


def _mixer(c: Config, spec: Decoder, layer: Layer) -> SideBySide:
    """Both parts. What either reads is multiplied as well; as their matrices have no bias then, their products are
    instead."""
    attention_in, recurrence_in = c.number("attention_in_multiplier", 1.0), c.number("ssm_in_multiplier", 1.0)
    if attention_in != 1.0:
        c.expect("attention_bias", False)
    if recurrence_in != 1.0:
        c.expect("mamba_proj_bias", False)
    inner = c.optional_integer("mamba_d_ssm", 1024) or int(c.number("mamba_expand", 2) * spec.width)
    c.number("mamba_expand", 2)
    each = c.numbers("ssm_multipliers", 5) if c.has("ssm_multipliers") else [1.0] * 5
    mamba = mamba2_mixer(
        c,
        inner,
        spec.norm if c.boolean("mamba_rms_norm", False) else None,
        out_bias=c.boolean("projectors_bias", False),
        gate_last=c.boolean("mamba_norm_before_gate", True),
        scales=InputScales(*(recurrence_in * scale for scale in each)),
    )
    attention = layer.attention
    assert attention is not None
    scale = attention.scale * c.number("key_multiplier", 1.0) * attention_in**2
    return SideBySide(
        replace(attention, scale=scale),
        mamba,
        c.number("attention_out_multiplier", 1.0) * attention_in,
        c.number("ssm_out_multiplier", 1.0),
    )
