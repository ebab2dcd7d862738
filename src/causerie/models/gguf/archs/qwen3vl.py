"""The text models of Qwen3-VL."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense


@gguf_architecture("qwen3vl")
def qwen3vl(m: Metadata) -> dict[str, Any]:
    """Of text all sections of a head turn by the same position."""
    return dense(m, "qwen3_vl_text") | {"attention_bias": attention_biased(m)}
