"""Phi-1, Phi-1.5 and Phi-2."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import CENTERED, dense


@gguf_architecture("phi2")
def phi2(m: Metadata) -> dict[str, Any]:
    """Both halves of a layer read one norm, and the head has a bias."""
    return dense(m, "phi", "layer_norm_eps", CENTERED)
