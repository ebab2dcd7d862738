"""Ministral 3: Mistral slowed down by YaRN, whose queries grow with the logarithm of their position."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Growth

DEFAULT_ROPE = {
    "rope_type": "yarn",
    "rope_theta": 1e6,
    "factor": 16.0,
    "original_max_position_embeddings": 16384,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 1.0,
    "llama_4_scaling_beta": 0.1,
}


@architecture("ministral3", weights=LLAMA_WEIGHTS)
def ministral3(c: Config) -> Decoder:
    """Ministral 3 3B to 14B and Devstral 2, also as the text models of mistral3."""
    c.assume({"max_position_embeddings": 262144, "rms_norm_eps": 1e-5})
    c.assume({} if c.has("rope_scaling") else {"rope_parameters": DEFAULT_ROPE})
    spec = llama_like(c, kv_heads=8, head_dim=128, rope=lambda head_dim: read_rope(c, head_dim, default_theta=1e6))
    spec = spec.each_attention(window=c.optional_integer("sliding_window", None))
    part = c.part("rope_parameters") or c.part("rope_scaling")
    beta = None if part is None else part.optional_number("llama_4_scaling_beta", above=False)
    if part is None or not beta:  # Devstral 2 123B says 0: its queries do not grow
        return spec
    part.expect("max_position_embeddings", spec.context)
    growth = Growth(beta, part.integer("original_max_position_embeddings"))
    return spec.each_attention(query_rope=replace(spec.ropes[0], growth=growth))
