"""Phi-3.5-MoE."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense


@gguf_architecture("phimoe")
def phimoe(m: Metadata) -> dict[str, Any]:
    """Where heads are slowed down for long texts, scores of all texts have one factor."""
    values = dense(m, "phimoe")
    turns = values["rope_parameters"]
    if turns["rope_type"] == "longrope":
        factor = turns.pop("attention_factor", 1.0)
        turns |= {"short_mscale": factor, "long_mscale": factor}
    count = m.integer("expert_count")
    return values | {
        "num_local_experts": count,
        "num_experts_per_tok": m.integer("expert_used_count", most=count),
        "attention_bias": attention_biased(m),
        "lm_head_bias": m.holds("output.bias"),
        "sliding_window": m.integer("attention.sliding_window", 0, least=0) or None,
    }
