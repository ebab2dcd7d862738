"""Phi-3, 3.5 and 4: queries, keys and values in one tensor, and gate and up in another."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import gate_and_up, plain_names
from causerie.models.gguf.values import dense
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """The rows of the gate come first."""
    return plain_names(m, spec) | gate_and_up(spec)


@gguf_architecture("phi3", weights=weights)
def phi3(m: Metadata) -> dict[str, Any]:
    """A window of 0 is none."""
    return dense(m, "phi3") | {"sliding_window": m.integer("attention.sliding_window", 0, least=0) or None}
