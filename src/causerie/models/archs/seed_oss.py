"""Seed-OSS: Llama with biases on queries, keys and values."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("seed_oss", weights=LLAMA_WEIGHTS)
def seed_oss(c: Config) -> Decoder:
    """Seed-OSS 36B."""
    return llama_like(
        c,
        bias=c.boolean("attention_bias", True),
        out_bias=c.boolean("attention_out_bias", False),
        mlp_bias=c.boolean("mlp_bias", False),
        kv_heads=8,
        head_dim=128,
    )
