"""GPT-2, with learned positions."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import CENTERED, unturned


@gguf_architecture("gpt2")
def gpt2(m: Metadata) -> dict[str, Any]:
    """GPT-2 and what was made of it."""
    return unturned(m, "gpt2", "layer_norm_epsilon", CENTERED)
