"""Qwen3.5 with experts."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.qwen3next import delta_values, expert_values
from causerie.models.gguf.archs.qwen35 import heads_to_guess, weights
from causerie.models.gguf.metadata import Metadata


@gguf_architecture("qwen35moe", weights=weights)
def qwen35moe(m: Metadata) -> dict[str, Any]:
    """Those with experts, for text."""
    return delta_values(m, "qwen3_5_moe_text") | expert_values(m) | heads_to_guess(m)
