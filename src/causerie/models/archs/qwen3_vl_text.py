"""Qwen3-VL, the text model: Qwen3 without windows."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.archs.qwen3 import WEIGHTS
from causerie.models.config import Config
from causerie.models.registry import architecture
from causerie.models.rope_config import read_text_rope
from causerie.spec.decoder import Decoder


@architecture("qwen3_vl_text", weights=WEIGHTS)
def qwen3_vl_text(c: Config) -> Decoder:
    """The text models of Qwen3-VL, the dense ones."""
    c.assume({"max_position_embeddings": 128000})
    bias = c.boolean("attention_bias", False)
    rope = lambda head_dim: read_text_rope(c, head_dim, default_theta=5e5)  # noqa: E731
    spec = llama_like(c, bias=bias, out_bias=bias, kv_heads=32, head_dim=128, rope=rope)
    return spec.each_attention(qk_norm=spec.norm)
