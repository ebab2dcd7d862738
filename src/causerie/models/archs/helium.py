"""Helium: Llama whose heads turn in pairs side by side."""

from __future__ import annotations

from causerie.models.archs.ernie4_5 import weights
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder


@architecture("helium", weights=weights)
def helium(c: Config) -> Decoder:
    """Helium 1 2B."""
    c.assume({"rms_norm_eps": 1e-8})
    return llama_like(
        c,
        bias=c.boolean("attention_bias", False),
        mlp_bias=c.boolean("mlp_bias", False),
        kv_heads=20,
        head_dim=128,
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=1e5),
    )
