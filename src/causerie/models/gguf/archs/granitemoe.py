"""Granite with experts. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.granite import granite_scales
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import dense


@gguf_architecture("granitemoe", weights=paired_names)
def granitemoe(m: Metadata) -> dict[str, Any]:
    """Granite 3 1B-A400M and 3B-A800M."""
    count = m.integer("expert_count")
    active = m.integer("expert_used_count", most=count)
    m.expect("rope.scaling.finetuned", True)
    return dense(m, "granitemoe") | granite_scales(m) | {"num_local_experts": count, "num_experts_per_tok": active}
