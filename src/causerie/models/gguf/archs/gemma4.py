"""Gemma 4, for text. Files hold the weights of norms as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.layer_input_names import LAYER_INPUTS
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.rotation import FACTORS, share
from causerie.models.gguf.values import alike, attention_biased, sizes, window_kinds
from causerie.models.layer_kinds import FULL, SLIDING
from causerie.models.names import Table
from causerie.spec.decoder import Decoder

_PARTS = {
    "scale": "layer_output_scale.weight",
    "ffn.norm": "ffn_norm.weight",
    "ffn.mlp.gate": "ffn_gate.weight",
    "ffn.mlp.up": "ffn_up.weight",
    "ffn.mlp.down": "ffn_down.weight",
    "ffn.mlp_norm_after": "post_ffw_norm_1.weight",
    "ffn.experts_norm": "pre_ffw_norm_2.weight",
    "ffn.experts_norm_after": "post_ffw_norm_2.weight",
    "ffn.router_norm": "ffn_gate_inp.scale",
    "ffn.share_scales": "ffn_down_exps.scale",
}
_STILL = 1e29  # a pair slowed down by more does not turn


def weights(m: Metadata, spec: Decoder) -> Table:
    """What its layers have besides."""
    return plain_names(m, spec) | LAYER_INPUTS | {OURS + ours: BLOCK + theirs for ours, theirs in _PARTS.items()}


@gguf_architecture("gemma4", weights=weights)
def gemma4(m: Metadata) -> dict[str, Any]:
    """Gemma 4 E2B to 31B."""
    values = {"model_type": "gemma4_text", **sizes(m)}
    layers = values["num_hidden_layers"]
    kinds = window_kinds(m, layers, 6)
    further = m.integer("embedding_length_per_layer_input", 0, least=0)
    return (
        values
        | _heads(m, kinds)
        | _experts(m)
        | {
            "attention_bias": attention_biased(m),
            "final_logit_softcapping": m.number("final_logit_softcapping", 0.0) or None,
            "sliding_window": m.integer("attention.sliding_window"),
            "layer_types": kinds,
            "hidden_size_per_layer_input": further,
            "vocab_size_per_layer_input": m.rows("per_layer_token_embd.weight") if further else None,
            **_widths(m, layers),
        }
    )


def _heads(m: Metadata, kinds: Sequence[str]) -> dict[str, Any]:
    """Those of layers that slide, and of others, which may have no values of their own."""
    full, sliding = m.integer("attention.key_length"), m.integer("attention.key_length_swa")
    for key, size in (("attention.value_length", full), ("attention.value_length_swa", sliding)):
        m.expect(key, size)
    key_heads = dict(zip(kinds, m.integers("attention.head_count_kv", len(kinds), least=1), strict=True))
    first = kinds.index(FULL) if FULL in kinds else None
    both = first is not None and not m.holds(f"blk.{first}.attn_v.weight")
    theta = m.number("rope.freq_base_swa", 10000.0, least=1.0)
    part = share(m.integer("rope.dimension_count_swa", sliding, most=sliding), sliding)
    return {
        "num_attention_heads": m.integer("attention.head_count"),
        "head_dim": sliding,
        "global_head_dim": full,
        "num_key_value_heads": key_heads.get(SLIDING, key_heads.get(FULL)),
        "num_global_key_value_heads": key_heads.get(FULL) if both else None,
        "attention_k_eq_v": both,
        "rope_parameters": {
            FULL: _proportional(m, full),
            SLIDING: {"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": part},
        },
    }


def _proportional(m: Metadata, head_dim: int) -> dict[str, Any]:
    """Of layers that see everything the first pairs of a head turn, as fast as they would if all did."""
    m.expect("rope.dimension_count", head_dim)
    factors = m.vector(FACTORS, head_dim // 2)
    pairs = sum(each < _STILL for each in factors)
    if factors != [1.0] * pairs + factors[pairs:]:
        raise m.wrong("rope.dimension_count", head_dim, f"beside a tensor {FACTORS!r} of ones and very large numbers")
    turns = {"rope_type": "proportional", "partial_rotary_factor": share(2 * pairs, head_dim)}
    return turns | {"rope_theta": m.number("rope.freq_base", 1e6, least=1.0)}


def _widths(m: Metadata, layers: int) -> dict[str, Any]:
    """Feed-forward layers may be twice as wide where keys are those of another layer."""
    borrowing = m.integer("attention.shared_kv_layers", 0, least=0, most=layers)
    widths = m.integers("feed_forward_length", layers, least=1)
    double = widths[-1] == 2 * widths[0]
    own = layers - borrowing
    if widths != widths[:1] * own + [widths[0] * (2 if double else 1)] * borrowing:
        raise m.wrong("feed_forward_length", widths, f"alike in {own} layers, and in the others the same or twice it")
    return {
        "num_kv_shared_layers": borrowing,
        "intermediate_size": widths[0],
        "use_double_wide_mlp": double,
    }


def _experts(m: Metadata) -> dict[str, Any]:
    if not (count := m.integer("expert_count", 0, least=0)):
        return {}
    return {
        "enable_moe_block": True,
        "num_experts": count,
        "top_k_experts": m.integer("expert_used_count", most=count),
        "moe_intermediate_size": alike(m, "expert_feed_forward_length"),
    }
