"""dots.llm1."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense, sigmoid_experts


@gguf_architecture("dots1")
def dots1(m: Metadata) -> dict[str, Any]:
    """No layer slides."""
    m.leave("expert_shared_feed_forward_length")  # as wide as its experts together
    return dense(m, "dots1") | sigmoid_experts(m) | {"attention_bias": attention_biased(m), "sliding_window": None}
