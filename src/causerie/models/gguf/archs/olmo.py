"""OLMo. Its norms have no weights; heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import CENTERED, dense

_EPS = 1e-5  # of every model of the family


@gguf_architecture("olmo", weights=paired_names)
def olmo(m: Metadata) -> dict[str, Any]:
    """OLMo 1B and 7B."""
    values = dense(m, "olmo", "norm_eps", CENTERED)
    eps = values.pop("norm_eps")
    if eps != _EPS:
        raise m.wrong("attention.layer_norm_epsilon", eps, f"{_EPS:g}")
    return values | {"clip_qkv": m.number("attention.clamp_kqv", 0.0) or None}
