"""The text models of Qwen3-VL with experts: as text models, those of Qwen3."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.qwen3moe import qwen3moe
from causerie.models.gguf.metadata import Metadata


@gguf_architecture("qwen3vlmoe")
def qwen3vlmoe(m: Metadata) -> dict[str, Any]:
    """Of text all sections of a head turn by the same position."""
    return qwen3moe(m)
