"""Qwen2-VL in its first files, whose config has the numbers of the text model at its top; text only."""

from __future__ import annotations

from causerie.models.archs.qwen2_vl_text import qwen2_vl_text
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("qwen2_vl", weights=LLAMA_WEIGHTS)
def qwen2_vl(c: Config) -> Decoder:
    """Qwen2-VL 2B to 72B."""
    c.leave("vision_config")
    return qwen2_vl_text(c)
