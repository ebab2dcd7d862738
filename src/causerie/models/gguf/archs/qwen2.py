"""Qwen2 and Qwen2.5."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import dense


@gguf_architecture("qwen2")
def qwen2(m: Metadata) -> dict[str, Any]:
    """Biases on queries, keys and values. Windows, which no published model of it has, are not written to files."""
    return dense(m, "qwen2")
