"""Qwen3 with experts."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense, experts


@gguf_architecture("qwen3moe")
def qwen3moe(m: Metadata) -> dict[str, Any]:
    """All layers have experts, whose shares are divided by their sum."""
    return dense(m, "qwen3_moe") | {
        **experts(m),
        "moe_intermediate_size": m.integer("expert_feed_forward_length"),
        "norm_topk_prob": m.boolean("expert_weights_norm", True),
        "attention_bias": attention_biased(m),
    }
