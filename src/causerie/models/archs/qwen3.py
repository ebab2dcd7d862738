"""Qwen3: Llama with a norm on every query and key head, and the window rule of Qwen2."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.archs.qwen2 import with_windows
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

WEIGHTS = {**LLAMA_WEIGHTS, **QK_NORMS}


@architecture("qwen3", weights=WEIGHTS)
def qwen3(c: Config) -> Decoder:
    """The dense Qwen3 models."""
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, kv_heads=32, head_dim=128)
    return with_windows(c, spec.each_attention(qk_norm=spec.norm))
