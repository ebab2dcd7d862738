"""MiniMax M2."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import SIGMOID, alike, dense


@gguf_architecture("minimax-m2")
def minimax_m2(m: Metadata) -> dict[str, Any]:
    """All layers have experts."""
    values = dense(m, "minimax_m2")
    count = m.integer("expert_count")
    m.expect("expert_gating_func", SIGMOID)
    return values | {
        "intermediate_size": alike(m, "expert_feed_forward_length"),
        "num_local_experts": count,
        "num_experts_per_tok": m.integer("expert_used_count", most=count),
    }
