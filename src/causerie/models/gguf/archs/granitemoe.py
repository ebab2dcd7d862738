"""Granite with experts, perhaps beside one that all tokens use. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.granite import granite_scales
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import dense


@gguf_architecture("granitemoe", weights=paired_names)
def granitemoe(m: Metadata) -> dict[str, Any]:
    """Granite 3 1B-A400M and 3B-A800M, and MoE 7B-A1B."""
    count = m.integer("expert_count")
    active = m.integer("expert_used_count", most=count)
    m.expect("rope.scaling.finetuned", True)
    shared = m.integer("expert_shared_feed_forward_length", 0, least=0)
    values = dense(m, "granitemoeshared" if shared else "granitemoe") | granite_scales(m)
    beside = {"shared_intermediate_size": shared} if shared else {}
    return values | beside | {"num_local_experts": count, "num_experts_per_tok": active}
