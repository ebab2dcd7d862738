"""Qwen3."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense


@gguf_architecture("qwen3")
def qwen3(m: Metadata) -> dict[str, Any]:
    """The dense models."""
    return dense(m, "qwen3") | {"attention_bias": attention_biased(m)}
