"""Granite: Llama whose embedding, scores, halves and logits are each multiplied by a number of the config."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("granite", weights=LLAMA_WEIGHTS)
def granite(c: Config) -> Decoder:
    """The dense models of Granite 3, Granite Code and their kin."""
    return granite_like(c, mlp_bias=c.boolean("mlp_bias", False))


def granite_like(c: Config, *, mlp_bias: bool = False) -> Decoder:
    """The part that families of Granite share."""
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, mlp_bias=mlp_bias)
    spec = spec.each_attention(scale=c.number("attention_multiplier", 1.0))
    residual = c.number("residual_multiplier", 1.0)
    return replace(
        spec,
        layers=tuple(replace(layer, residual_scale=residual) for layer in spec.layers),
        embedding_scale=c.number("embedding_multiplier", 1.0),
        logits_scale=1 / c.number("logits_scaling", 1.0),
    )
