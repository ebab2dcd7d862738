"""Qwen2.5-VL, the text model: that of Qwen2-VL."""

from __future__ import annotations

from causerie.models.archs.qwen2_vl_text import qwen2_vl_text
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("qwen2_5_vl_text", weights=LLAMA_WEIGHTS)
def qwen2_5_vl_text(c: Config) -> Decoder:
    """The text models of Qwen2.5-VL."""
    return qwen2_vl_text(c)
