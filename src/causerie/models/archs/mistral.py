"""Mistral: Llama in which every layer may look through a sliding window."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("mistral", weights=LLAMA_WEIGHTS)
def mistral(c: Config) -> Decoder:
    """Mistral 7B and its kin. A config that says nothing of the window means 4096, one that says null means none."""
    return llama_like(c, kv_heads=8).each_attention(window=c.optional_integer("sliding_window", 4096))
