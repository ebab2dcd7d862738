"""GLM-4.1V, the text model: that of GLM 4-0414."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.glm4 import weights
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.registry import architecture
from causerie.models.rope_config import read_text_rope
from causerie.spec.decoder import Decoder


@architecture("glm4v_text", weights=weights)
def glm4v_text(c: Config) -> Decoder:
    """The text models of GLM-4.1V 9B and GLM-4.6V-Flash."""
    c.assume({"rms_norm_eps": 1e-5, "max_position_embeddings": 32768})
    c.expect("attention_bias", True)
    spec = llama_like(c, bias=True, kv_heads=2, rope=lambda head_dim: read_text_rope(c, head_dim, partial=True))
    return replace(spec, layers=tuple(replace(layer, norm_after=spec.norm) for layer in spec.layers))
