"""Gemma 3, the text model. Files hold 1 + w of each norm."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.rotation import rotation
from causerie.models.gguf.values import attention_biased, heads, sizes, window_kinds
from causerie.models.layer_kinds import FULL, SLIDING

_LARGEST = 62  # layers of the model whose scores are scaled by the width of a head's share, not by its own


@gguf_architecture("gemma3")
def gemma3(m: Metadata) -> dict[str, Any]:
    """Of six layers, five slide, unless the file has no window."""
    values = {"model_type": "gemma3_text", **sizes(m), **heads(m)}
    width, count, layers = values["hidden_size"], values["num_attention_heads"], values["num_hidden_layers"]
    window = m.integer("attention.sliding_window", 0, least=0)
    full = rotation(m, values["head_dim"], 1e6)
    sliding = {"rope_type": "default", "rope_theta": m.number("rope.freq_base_swa", 10000.0, least=1.0)}
    return values | {
        "intermediate_size": m.integer("feed_forward_length"),
        "attention_bias": attention_biased(m),
        "query_pre_attn_scalar": width / count if layers == _LARGEST else values["head_dim"],
        "final_logit_softcapping": m.number("final_logit_softcapping", 0.0) or None,
        "sliding_window": window or None,
        "layer_types": window_kinds(m, layers, 6) if window else [FULL] * layers,
        "rope_parameters": {FULL: full, SLIDING: sliding},
    }
