"""EXAONE 4.0."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import dense, window_kinds
from causerie.models.layer_kinds import FULL


@gguf_architecture("exaone4")
def exaone4(m: Metadata) -> dict[str, Any]:
    """Where there is a window, every fourth layer sees everything, unless the file says which."""
    values = dense(m, "exaone4")
    window = m.integer("attention.sliding_window", 0, least=0)
    layers = values["num_hidden_layers"]
    kinds = window_kinds(m, layers, 4) if window else [FULL] * layers
    return values | {"sliding_window": window or None, "layer_types": kinds}
