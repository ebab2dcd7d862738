"""Hunyuan with experts."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense


@gguf_architecture("hunyuan-moe")
def hunyuan_moe(m: Metadata) -> dict[str, Any]:
    """Files have the base of rotations as it is after it was enlarged for long texts. Experts are as wide as the layer
    that all tokens use."""
    values, count = dense(m, "hunyuan_v1_moe"), m.integer("expert_count")
    hidden = values["intermediate_size"]
    m.expect("expert_feed_forward_length", hidden)
    m.expect("expert_shared_feed_forward_length", hidden)
    m.expect("expert_shared_count", 1)
    return values | {
        "num_experts": count,
        "moe_topk": m.integer("expert_used_count", most=count),
        "attention_bias": attention_biased(m),
    }
