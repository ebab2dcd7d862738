"""Command R7B, Command A, Tiny Aya. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import CENTERED, attention_biased, dense, window_kinds


@gguf_architecture("cohere2", weights=paired_names)
def cohere2(m: Metadata) -> dict[str, Any]:
    """Every fourth layer sees everything and does not turn."""
    values = dense(m, "cohere2", "layer_norm_eps", CENTERED)
    return values | {
        "attention_bias": attention_biased(m),
        "logit_scale": m.number("logit_scale"),
        "sliding_window": m.integer("attention.sliding_window"),
        "layer_types": window_kinds(m, values["num_hidden_layers"], 4),
    }
