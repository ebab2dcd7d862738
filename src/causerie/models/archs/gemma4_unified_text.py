"""Gemma 4 12B, the text model: Gemma 4 without further embeddings and without experts."""

from __future__ import annotations

from causerie.models.archs import gemma4_text as gemma4
from causerie.models.config import Config
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("gemma4_unified_text", weights=gemma4.weights)
def gemma4_unified_text(c: Config) -> Decoder:
    """The text model of Gemma 4 12B."""
    c.assume({**gemma4.DEFAULTS, "max_position_embeddings": 262144})
    c.expect("hidden_size_per_layer_input", 0)
    c.expect("enable_moe_block", False)
    c.leave("vocab_size_per_layer_input")
    return gemma4.gemma4_like(c, window=1024)
