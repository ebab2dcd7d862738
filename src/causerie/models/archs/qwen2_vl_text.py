"""Qwen2-VL, the text model: Qwen2, which turns as it does there."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.archs.qwen2 import with_windows
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_text_rope
from causerie.spec.decoder import Decoder


@architecture("qwen2_vl_text", weights=LLAMA_WEIGHTS)
def qwen2_vl_text(c: Config) -> Decoder:
    """The text models of Qwen2-VL."""
    c.assume({"rms_norm_eps": 1e-5, "max_window_layers": 80, "max_position_embeddings": 32768})
    rope = lambda head_dim: read_text_rope(c, head_dim, default_theta=1e6)  # noqa: E731
    return with_windows(c, llama_like(c, bias=True, kv_heads=8, rope=rope))
