"""Ministral: Mistral of which some layers see a window and others the whole text."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("ministral", weights=LLAMA_WEIGHTS)
def ministral(c: Config) -> Decoder:
    """Ministral 8B of 2024."""
    c.assume({"max_position_embeddings": 131072})
    spec = llama_like(c, kv_heads=8)
    window = c.optional_integer("sliding_window", 4096)
    kinds = layer_kinds(c, [FULL if window is None else SLIDING] * len(spec.layers))
    return with_kinds(spec, kinds, {SLIDING: {"window": window}})
