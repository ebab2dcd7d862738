"""Nemotron 3: Nemotron-H with experts."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.nemotron_h import hybrid_values, weights
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import biased, sigmoid_experts


@gguf_architecture("nemotron_h_moe", weights=weights)
def nemotron_h_moe(m: Metadata) -> dict[str, Any]:
    """Nemotron 3 Nano and Super, whose experts may read fewer numbers than a layer has."""
    values = hybrid_values(m, "moe") | sigmoid_experts(m)
    values.pop("first_k_dense_replace")
    m.expect("expert_shared_count", 1)
    return values | {
        "moe_shared_expert_intermediate_size": m.integer("expert_shared_feed_forward_length"),
        "moe_latent_size": m.integer("moe_latent_size", 0, least=0) or None,
        "mlp_bias": biased(m, "ffn_up_shexp"),
        "num_nextn_predict_layers": m.integer("nextn_predict_layers", 0, least=0),
    }
