"""Trinity: gated attention, three sliding layers to a full one, and experts."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.values import SIGMOID, attention_biased, dense, experts, window_kinds
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """With the gates of attention."""
    return plain_names(m, spec) | {OURS + "mixer.gate": BLOCK + "attn_gate.weight"}


@gguf_architecture("afmoe", weights=weights)
def afmoe(m: Metadata) -> dict[str, Any]:
    """Embeddings are scaled in all of them."""
    values = dense(m, "afmoe")
    m.expect("expert_gating_func", 0, SIGMOID)
    m.expect("expert_weights_norm", True)
    m.expect("expert_group_count", 0, 1)
    m.expect("expert_group_used_count", 0, 1)
    layers = values["num_hidden_layers"]
    return (
        values
        | experts(m)
        | {
            "attention_bias": attention_biased(m),
            "mup_enabled": True,
            "sliding_window": m.integer("attention.sliding_window"),
            "layer_types": window_kinds(m, layers, 4),
            "moe_intermediate_size": m.integer("expert_feed_forward_length"),
            "num_dense_layers": m.integer("leading_dense_block_count", 0, least=0, most=layers),
            "num_shared_experts": m.integer("expert_shared_count"),
            "route_scale": m.number("expert_weights_scale", 0.0) or 1.0,
        }
    )
