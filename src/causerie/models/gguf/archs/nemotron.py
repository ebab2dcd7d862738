"""Nemotron-4 and Minitron. Files hold 1 + w of each norm."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import CENTERED, attention_biased, biased, dense


@gguf_architecture("nemotron")
def nemotron(m: Metadata) -> dict[str, Any]:
    """A part of each head turns."""
    return dense(m, "nemotron", "norm_eps", CENTERED) | {
        "attention_bias": attention_biased(m),
        "mlp_bias": biased(m, "ffn_up"),
    }
