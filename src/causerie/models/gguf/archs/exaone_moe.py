"""K-EXAONE."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import dense, sigmoid_experts, window_kinds


@gguf_architecture("exaone-moe")
def exaone_moe(m: Metadata) -> dict[str, Any]:
    """Of four layers three slide; the others do not turn."""
    values = dense(m, "exaone_moe")
    m.leave("expert_shared_feed_forward_length")  # as wide as its experts together
    return (
        values
        | sigmoid_experts(m)
        | {
            "sliding_window": m.integer("attention.sliding_window", 128),
            "layer_types": window_kinds(m, values["num_hidden_layers"], 4),
        }
    )
