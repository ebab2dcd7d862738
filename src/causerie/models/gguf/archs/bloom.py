"""BLOOM, whose scores fall off with distance."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import CENTERED, unturned


@gguf_architecture("bloom")
def bloom(m: Metadata) -> dict[str, Any]:
    """BLOOM and BLOOMZ."""
    m.expect("attention.max_alibi_bias", 8.0)
    return unturned(m, "bloom", "layer_norm_epsilon", CENTERED)
