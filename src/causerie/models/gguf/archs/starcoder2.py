"""StarCoder2."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import CENTERED, biased, dense


@gguf_architecture("starcoder2")
def starcoder2(m: Metadata) -> dict[str, Any]:
    """Files do not say the window, which is the same in all models."""
    return dense(m, "starcoder2", "norm_epsilon", CENTERED) | {"use_bias": biased(m, "attn_q"), "sliding_window": 4096}
