"""Hy3."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.values import SIGMOID, alike, attention_biased, biased, dense, experts
from causerie.models.names import Table
from causerie.spec.decoder import Decoder

_BIASES = "exp_probs_b"


def weights(m: Metadata, spec: Decoder) -> Table:
    """What is added to scores before a choice has no ending."""
    return plain_names(m, spec) | {OURS + "ffn.choice_bias": BLOCK + _BIASES}


@gguf_architecture("hy_v3", weights=weights)
def hy_v3(m: Metadata) -> dict[str, Any]:
    """All layers but the first have experts."""
    values, hidden = dense(m, "hy_v3"), alike(m, "expert_feed_forward_length")
    m.expect("expert_gating_func", 0, SIGMOID)
    m.expect("expert_weights_norm", True)
    m.expect("leading_dense_block_count", 1)
    shared = m.integer("expert_shared_feed_forward_length")
    if shared % hidden:
        raise m.wrong("expert_shared_feed_forward_length", shared, f"a multiple of {hidden}, the width of an expert")
    return (
        values
        | experts(m)
        | {
            "attention_bias": attention_biased(m),
            "mlp_bias": biased(m, "ffn_up"),
            "moe_intermediate_size": hidden,
            "num_shared_experts": shared // hidden,
            "router_scaling_factor": m.number("expert_weights_scale", 0.0) or 1.0,
            "num_nextn_predict_layers": m.integer("nextn_predict_layers", 0, least=0),
        }
    )
