"""OLMo 2, and with a window OLMo 3."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense, window_kinds
from causerie.models.layer_kinds import FULL, SLIDING


@gguf_architecture("olmo2")
def olmo2(m: Metadata) -> dict[str, Any]:
    """Layers that slide turn as texts of any length do; the others may be slowed down."""
    window = m.integer("attention.sliding_window", 0, least=0)
    values = dense(m, "olmo3" if window else "olmo2") | {"attention_bias": attention_biased(m)}
    if not window:
        return values
    full = values["rope_parameters"]
    theta = m.number("rope.freq_base_swa", full["rope_theta"], least=1.0)
    return values | {
        "sliding_window": window,
        "layer_types": window_kinds(m, values["num_hidden_layers"], 4),
        "rope_parameters": {FULL: full, SLIDING: {"rope_type": "default", "rope_theta": theta}},
    }
