"""Qwen2 with experts, and one that all tokens use."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense, experts


@gguf_architecture("qwen2moe")
def qwen2moe(m: Metadata) -> dict[str, Any]:
    """All layers have experts."""
    return dense(m, "qwen2_moe") | {
        **experts(m),
        "moe_intermediate_size": m.integer("expert_feed_forward_length"),
        "shared_expert_intermediate_size": m.integer("expert_shared_feed_forward_length"),
        "norm_topk_prob": m.boolean("expert_weights_norm", False),
        "qkv_bias": attention_biased(m),
    }
