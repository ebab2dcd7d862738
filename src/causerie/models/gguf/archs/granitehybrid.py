"""Granite 4.0: Mamba-2, attention without positions, and experts."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.granite import granite_scales
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.recurrence_names import mamba2_names
from causerie.models.gguf.values import mamba2, unturned
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """Heads lie as if they turned in pairs."""
    return paired_names(m, spec) | mamba2_names(spec)


@gguf_architecture("granitehybrid", weights=weights)
def granitehybrid(m: Metadata) -> dict[str, Any]:
    """Layers without key heads are Mamba-2's."""
    values = unturned(m, "granitemoehybrid")
    key_heads = m.integers("attention.head_count_kv", values["num_hidden_layers"])
    m.expect("rope.scaling.finetuned", False)
    m.leave("rope.dimension_count", "rope.freq_base", "rope.scaling.type")
    count = m.integer("expert_count", 0, least=0)
    return (
        values
        | granite_scales(m)
        | mamba2(m)
        | {
            "layer_types": ["full_attention" if each else "linear_attention" for each in key_heads],
            "position_embedding_type": "nope",
            "num_local_experts": count,
            "num_experts_per_tok": m.integer("expert_used_count", 0, least=0, most=count),
            "shared_intermediate_size": m.integer("expert_shared_feed_forward_length"),
            "mamba_expand": m.integer("ssm.inner_size") / values["hidden_size"],
        }
    )
