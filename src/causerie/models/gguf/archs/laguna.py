"""Laguna: gated attention, with as many query heads as each layer has, and experts."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.rotation import rotation, share
from causerie.models.gguf.values import SIGMOID, alike, attention_biased, experts, sizes, window_kinds
from causerie.models.layer_kinds import DENSE, FULL, SLIDING, SPARSE
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """With the gates of attention."""
    return plain_names(m, spec) | {OURS + "mixer.gate": BLOCK + "attn_gate.weight"}


@gguf_architecture("laguna", weights=weights)
def laguna(m: Metadata) -> dict[str, Any]:
    """Where there is a window, every fourth layer sees everything, the first one does."""
    values = {"model_type": "laguna", **sizes(m)}
    layers, size = values["num_hidden_layers"], m.integer("attention.key_length")
    m.expect("attention.value_length", size)
    m.expect("expert_gating_func", 0, SIGMOID)
    m.expect("expert_weights_norm", True)
    m.expect("expert_shared_count", 1)
    heads = m.integers("attention.head_count", layers, least=1)
    window = m.integer("attention.sliding_window", 0, least=0)
    by_head = m.rows("blk.0.attn_gate.weight") == heads[0]
    return (
        values
        | experts(m)
        | {
            "num_attention_heads": heads[0],
            "num_attention_heads_per_layer": heads,
            "num_key_value_heads": alike(m, "attention.head_count_kv"),
            "head_dim": size,
            "intermediate_size": alike(m, "feed_forward_length"),
            "attention_bias": attention_biased(m),
            "gating": "per-head" if by_head else "per-element",
            "sliding_window": window or None,
            "layer_types": _kinds(m, layers) if window else [FULL] * layers,
            "mlp_layer_types": _halves(m, layers),
            "moe_intermediate_size": alike(m, "expert_feed_forward_length"),
            "shared_expert_intermediate_size": m.integer("expert_shared_feed_forward_length"),
            "moe_routed_scaling_factor": m.number("expert_weights_scale", 0.0) or 1.0,
            "rope_parameters": {FULL: rotation(m, size, 5e5), SLIDING: _sliding(m, size)},
        }
    )


def _kinds(m: Metadata, layers: int) -> list[str]:
    if m.has("attention.sliding_window_pattern"):
        return window_kinds(m, layers, 4)
    return [SLIDING if i % 4 else FULL for i in range(layers)]


def _halves(m: Metadata, layers: int) -> list[str]:
    dense = m.integer("leading_dense_block_count", 0, least=0, most=layers)
    return [DENSE] * dense + [SPARSE] * (layers - dense)


def _sliding(m: Metadata, size: int) -> dict[str, Any]:
    theta = m.number("rope.freq_base_swa", 10000.0, least=1.0)
    dims = m.integer("rope.dimension_count_swa", size, most=size)
    return {"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": share(dims, size)}
