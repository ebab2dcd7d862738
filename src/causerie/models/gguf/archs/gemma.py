"""Gemma. Files hold 1 + w of each norm."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense


@gguf_architecture("gemma")
def gemma(m: Metadata) -> dict[str, Any]:
    """Gemma 2B and 7B, CodeGemma."""
    return dense(m, "gemma") | {"attention_bias": attention_biased(m)}
