"""The text models of Qwen2-VL and Qwen2.5-VL."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import dense


@gguf_architecture("qwen2vl")
def qwen2vl(m: Metadata) -> dict[str, Any]:
    """Of text all sections of a head turn by the same position."""
    return dense(m, "qwen2_vl_text")
