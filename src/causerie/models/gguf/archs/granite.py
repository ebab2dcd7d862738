"""Granite. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import attention_biased, biased, dense, head_size


@gguf_architecture("granite", weights=paired_names)
def granite(m: Metadata) -> dict[str, Any]:
    """The dense models of Granite 3, Granite Code and their kin."""
    m.expect("rope.scaling.finetuned", True)
    return dense(m, "granite") | granite_scales(m) | {"mlp_bias": biased(m, "ffn_up")}


def granite_scales(m: Metadata) -> dict[str, Any]:
    """What families of Granite multiply by; 0 stands for what other families do."""
    return {
        "attention_bias": attention_biased(m),
        "attention_multiplier": m.number("attention.scale", 0.0) or head_size(m) ** -0.5,
        "embedding_multiplier": m.number("embedding_scale", 0.0) or 1.0,
        "residual_multiplier": m.number("residual_scale", 0.0) or 1.0,
        "logits_scaling": m.number("logit_scale"),
    }
