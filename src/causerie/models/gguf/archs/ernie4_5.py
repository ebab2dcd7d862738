"""ERNIE 4.5. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import attention_biased, dense


@gguf_architecture("ernie4_5", weights=paired_names)
def ernie4_5(m: Metadata) -> dict[str, Any]:
    """ERNIE 4.5 0.3B."""
    return dense(m, "ernie4_5") | {"use_bias": attention_biased(m)}
