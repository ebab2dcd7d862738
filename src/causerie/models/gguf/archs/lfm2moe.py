"""LFM2 with experts."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.lfm2 import lfm2_values, weights
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import SIGMOID, alike, experts


@gguf_architecture("lfm2moe", weights=weights)
def lfm2moe(m: Metadata) -> dict[str, Any]:
    """LFM2 8B-A1B and 24B-A2B."""
    values = lfm2_values(m, "lfm2_moe")
    m.expect("expert_gating_func", SIGMOID)
    dense = m.integer("leading_dense_block_count", 0, least=0)
    return (
        values
        | experts(m)
        | {
            "intermediate_size": alike(m, "feed_forward_length"),
            "moe_intermediate_size": alike(m, "expert_feed_forward_length"),
            "num_dense_layers": dense,
            "use_expert_bias": m.holds(f"blk.{dense}.exp_probs_b.bias"),
            "norm_topk_prob": m.boolean("expert_weights_norm", True),
            "routed_scaling_factor": m.number("expert_weights_scale", 0.0) or 1.0,
        }
    )
