"""Gemma 2. Files hold 1 + w of each norm."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense, window_kinds

_LARGEST = 46  # layers of the model whose scores are scaled by the width of a head's share, not by its own


@gguf_architecture("gemma2")
def gemma2(m: Metadata) -> dict[str, Any]:
    """Gemma 2 2B, 9B and 27B, every second layer of which slides."""
    values = dense(m, "gemma2")
    width, count = values["hidden_size"], values["num_attention_heads"]
    largest = values["num_hidden_layers"] == _LARGEST
    return values | {
        "attention_bias": attention_biased(m),
        "query_pre_attn_scalar": width / count if largest else values["head_dim"],
        "attn_logit_softcapping": m.number("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": m.number("final_logit_softcapping", 30.0),
        "sliding_window": m.integer("attention.sliding_window", 4096),
        "layer_types": window_kinds(m, values["num_hidden_layers"], 2),
    }
