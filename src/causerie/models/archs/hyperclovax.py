"""HyperCLOVA X: Granite with norms before and after each half, whose logits are multiplied and not divided."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.granite import granite_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

_LAYER = "model.layers.{i}."
_NORMS = {
    "layers.{i}.mixer_norm_after": _LAYER + "post_norm1.weight",
    "layers.{i}.ffn_norm_after": _LAYER + "post_norm2.weight",
}


@architecture("hyperclovax", weights={**LLAMA_WEIGHTS, **_NORMS})
def hyperclovax(c: Config) -> Decoder:
    """HyperCLOVA X SEED Think 14B."""
    spec = granite_like(c, mlp_bias=c.boolean("mlp_bias", False))
    if not c.has("attention_multiplier"):
        spec = spec.each_attention(scale=next(spec.attentions).head_dim ** -0.5)
    if c.boolean("use_post_norm", True):
        spec = replace(spec, layers=tuple(replace(layer, norm_after=spec.norm) for layer in spec.layers))
    return replace(spec, logits_scale=c.number("logits_scaling", 1.0))
