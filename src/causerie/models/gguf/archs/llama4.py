"""Llama 4. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import alike, attention_biased, dense

_UNNORMED = 128  # experts of the model whose heads are not normed


@gguf_architecture("llama4", weights=paired_names)
def llama4(m: Metadata) -> dict[str, Any]:
    """Every fourth layer sees everything and does not turn. Files do not say how queries grow there with their
    position, nor how long a chunk is that others see."""
    values, count = dense(m, "llama4_text"), m.integer("expert_count")
    m.expect("attention.sliding_window", 8192)
    return values | {
        "intermediate_size_mlp": values["intermediate_size"],
        "intermediate_size": alike(m, "expert_feed_forward_length"),
        "num_local_experts": count,
        "num_experts_per_tok": m.integer("expert_used_count", most=count),
        "interleave_moe_layer_step": m.integer("interleave_moe_layer_step", 1),
        "attention_bias": attention_biased(m),
        "use_qk_norm": count != _UNNORMED,
    }
