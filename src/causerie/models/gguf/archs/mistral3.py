"""Ministral 3 and Devstral 2. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import dense


@gguf_architecture("mistral3", weights=paired_names)
def mistral3(m: Metadata) -> dict[str, Any]:
    """Queries grow with the text where the file says so."""
    values = dense(m, "ministral3")
    beta = m.number("attention.temperature_scale", 0.0)
    turns = values["rope_parameters"]
    if beta:
        turns = {"original_max_position_embeddings": values["max_position_embeddings"]} | turns
    return values | {"sliding_window": None, "rope_parameters": turns | {"llama_4_scaling_beta": beta}}
