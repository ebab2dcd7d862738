"""Step 3.5 and 3.7, the text model: gated heads, of which sliding layers have more, and experts beside a layer that all
tokens use; what is inside of some layers is held within limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.rotation import FACTORS, share, slowed
from causerie.models.gguf.values import SIGMOID, alike, attention_biased, biased, heads_by_kind, sizes
from causerie.models.layer_kinds import DENSE, FULL, SLIDING, SPARSE
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """With the gates of attention."""
    return plain_names(m, spec) | {OURS + "mixer.gate": BLOCK + "attn_gate.weight"}


@gguf_architecture("step35", weights=weights)
def step35(m: Metadata) -> dict[str, Any]:
    """Step-3.5-Flash, and the text model of Step-3.7-Flash."""
    values = {"model_type": "step3p5", **sizes(m)}
    layers, blocks = values["num_hidden_layers"], m.integer("block_count")
    count = m.integer("expert_count")
    m.expect("expert_gating_func", 0, SIGMOID)
    m.expect("expert_weights_norm", True)
    m.leave("leading_dense_block_count", "moe_every_n_layers")  # as the tensors of each layer say
    slides = m.booleans("attention.sliding_window_pattern", blocks)[:layers]
    limits = {"swiglu_limits": "swiglu_clamp_exp", "swiglu_limits_shared": "swiglu_clamp_shexp"}
    return (
        values
        | _heads(m, slides)
        | {
            "attention_bias": attention_biased(m),
            "mlp_bias": biased(m, "ffn_up"),
            "intermediate_size": alike(m, "feed_forward_length"),
            "sliding_window": m.integer("attention.sliding_window"),
            "layer_types": [SLIDING if each else FULL for each in slides],
            "mlp_layer_types": [SPARSE if m.holds(f"blk.{i}.ffn_gate_inp.weight") else DENSE for i in range(layers)],
            "n_routed_experts": count,
            "num_experts_per_tok": m.integer("expert_used_count", most=count),
            "moe_intermediate_size": alike(m, "expert_feed_forward_length"),
            "share_expert_dim": m.integer("expert_shared_feed_forward_length"),
            "moe_router_scaling_factor": m.number("expert_weights_scale", 0.0) or 1.0,
            **{ours: m.numbers(key, blocks, least=0.0)[:layers] for ours, key in limits.items() if m.has(key)},
        }
    )


def _heads(m: Metadata, slides: Sequence[bool]) -> dict[str, Any]:
    """Those of layers that see everything, and how many sliding ones have; keys are alike in both."""
    size = m.integer("attention.key_length")
    m.expect("attention.value_length", size)
    full, sliding = heads_by_kind(m, "attention.head_count", slides)
    return {
        "num_attention_heads": full,
        "num_sliding_attention_heads": sliding,
        "num_key_value_heads": alike(m, "attention.head_count_kv"),
        "head_dim": size,
        "rope_parameters": {FULL: _half(m, size), SLIDING: _sliding(m, size)},
    }


def _half(m: Metadata, size: int) -> dict[str, Any]:
    """Of layers that see everything only half of what the file says turns, perhaps slowed down, as the first numbers of
    a tensor say."""
    dims = m.integer("rope.dimension_count", size, most=size) // 2
    turns = {"rope_theta": m.number("rope.freq_base", 10000.0, least=1.0), "partial_rotary_factor": share(dims, size)}
    if not m.holds(FACTORS):
        return {"rope_type": "default", **turns}
    return slowed(m.vector(FACTORS, size // 2)[: dims // 2], m.integer("context_length")) | turns


def _sliding(m: Metadata, size: int) -> dict[str, Any]:
    theta = m.number("rope.freq_base_swa", 10000.0, least=1.0)
    dims = m.integer("rope.dimension_count_swa", m.integer("rope.dimension_count", size, most=size), most=size)
    return {"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": share(dims, size)}
