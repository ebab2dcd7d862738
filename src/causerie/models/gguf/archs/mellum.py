"""Mellum 2: Qwen3 with experts, of which some layers slide."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.rotation import rotation
from causerie.models.gguf.values import attention_biased, experts, unturned, window_kinds
from causerie.models.layer_kinds import FULL, SLIDING


@gguf_architecture("mellum")
def mellum(m: Metadata) -> dict[str, Any]:
    """All layers have experts."""
    values = unturned(m, "mellum")
    size, layers = values["head_dim"], values["num_hidden_layers"]
    window = m.integer("attention.sliding_window", 0, least=0)
    full = rotation(m, size)
    sliding = {"rope_type": "default", "rope_theta": m.number("rope.freq_base_swa", full["rope_theta"], least=1.0)}
    return (
        values
        | experts(m)
        | {
            "attention_bias": attention_biased(m),
            "moe_intermediate_size": m.integer("expert_feed_forward_length"),
            "norm_topk_prob": m.boolean("expert_weights_norm", True),
            "layer_types": window_kinds(m, layers, 4) if window else [FULL] * layers,
            "rope_parameters": {FULL: full, SLIDING: sliding},
            **({"sliding_window": window} if window else {}),
        }
    )
