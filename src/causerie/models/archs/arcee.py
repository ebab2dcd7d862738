"""Arcee: Llama with a plain feed-forward layer, whose activation is a squared relu."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("arcee", weights=LLAMA_WEIGHTS)
def arcee(c: Config) -> Decoder:
    """AFM 4.5B."""
    c.assume({"max_position_embeddings": 4096, "rms_norm_eps": 1e-5})
    bias = c.boolean("attention_bias", False)
    mlp_bias = c.boolean("mlp_bias", False)
    return llama_like(c, bias=bias, out_bias=bias, mlp_bias=mlp_bias, default_act="relu2", gated=False)
