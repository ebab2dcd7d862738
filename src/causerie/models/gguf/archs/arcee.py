"""Arcee. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import attention_biased, biased, dense


@gguf_architecture("arcee", weights=paired_names)
def arcee(m: Metadata) -> dict[str, Any]:
    """AFM 4.5B."""
    return dense(m, "arcee") | {"attention_bias": attention_biased(m), "mlp_bias": biased(m, "ffn_up")}
