"""Qwen3-Next: the gated delta rule in three layers of four, gated attention in the fourth, of which a quarter of each
head turns; many small experts beside one that all tokens use; norms by 1 + w."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.archs.qwen3_moe import qwen_experts, with_experts
from causerie.models.config import Config
from causerie.models.delta_names import hybrid_names, rule_by_head
from causerie.models.draft_names import centered_apart
from causerie.models.expert_names import EXPERT_MATRICES, both_arrangements
from causerie.models.layer_kinds import FULL, layer_kinds
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.delta import MOST_TAPS, DeltaRule
from causerie.spec.draft_head import DraftHead
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP
from causerie.spec.rope import Rope
from causerie.spec.router import MOST_EXPERTS

LINEAR = "linear_attention"
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "max_position_embeddings": 32768,
    "partial_rotary_factor": 0.25,
    "norm_topk_prob": True,
}
_MLP = "model.layers.{i}.mlp"
_FFN = {
    "router": "gate",
    "shared_router": "shared_expert_gate",
    **{f"shared.{ours}": f"shared_expert.{theirs}" for ours, theirs in EXPERT_MATRICES.items()},
}
EXPERT_WEIGHTS = {f"layers.{{i}}.ffn.{ours}": f"{_MLP}.{theirs}.weight" for ours, theirs in _FFN.items()}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    tables = both_arrangements(spec, {**hybrid_names(spec), **rule_by_head(spec), **EXPERT_WEIGHTS}, _MLP)
    return tuple({**table, **centered_apart(spec, table)} for table in tables)


@architecture("qwen3_next", weights=weights)
def qwen3_next(c: Config) -> Decoder:
    """Qwen3-Next-80B-A3B, Qwen3-Coder-Next."""
    c.assume(DEFAULTS)
    spec = hybrid(c, kv_heads=2, rope=lambda head_dim: read_rope(c, head_dim, partial=True))
    return with_head(with_experts(c, spec, experts_beside_one(c, spec, count=512, active=10)))


def hybrid(c: Config, *, kv_heads: int, rope: Callable[[int], Rope], hidden: int | None = None) -> Decoder:
    """The delta rule and gated attention in turns, with feed-forward layers that are not experts; `kv_heads` and
    `hidden`, the width inside of these, are what a file means that says nothing, `rope` gives the rotation of heads of
    a size."""
    c.expect("attention_bias", False)
    c.expect("hidden_act", "silu")
    c.expect("attn_output_gate", True)
    c.expect("output_gate_type", "swish")  # of the delta rule
    c.expect("mamba_ssm_dtype", "float32")  # in which its heads' matrices are kept
    spec = llama_like(c, kv_heads=kv_heads, head_dim=256, rope=rope, hidden=hidden)
    spec = spec.each_attention(qk_norm=spec.norm, gated=True)
    rule = _delta_rule(c, spec)
    interval = c.integer("full_attention_interval", 4)
    kinds = layer_kinds(c, [LINEAR if (i + 1) % interval else FULL for i in range(len(spec.layers))], (LINEAR, FULL))
    layers = zip(spec.layers, kinds, strict=True)
    return replace(
        spec, layers=tuple(replace(layer, mixer=rule) if kind == LINEAR else layer for layer, kind in layers)
    )


def with_head(spec: Decoder) -> Decoder:
    """With the head to guess with that files hold: a block as those that attend."""
    block = next((layer for layer in reversed(spec.layers) if layer.attention is not None), None)
    return spec if block is None else replace(spec, draft_head=DraftHead(block, spec.norm))


def experts_beside_one(c: Config, spec: Decoder, *, count: int, active: int) -> Experts:
    """Experts, and one that all tokens use as far as its gate opens; `count` and `active` are what a file means that
    says nothing."""
    mlp = MLP(c.integer("shared_expert_intermediate_size", 512), "silu")
    experts = qwen_experts(c, spec, c.integer("num_experts", count, most=MOST_EXPERTS), active=active, hidden=512)
    return replace(experts, shared=Shared(mlp, weighed=True))


def _delta_rule(c: Config, spec: Decoder) -> DeltaRule:
    keys, values = c.integer("linear_num_key_heads", 16), c.integer("linear_num_value_heads", 32)
    if values % keys:
        raise c.wrong("linear_num_value_heads", values, f"a multiple of {keys}, the number of key heads")
    return DeltaRule(
        keys,
        values,
        c.integer("linear_key_head_dim", 128),
        c.integer("linear_value_head_dim", 128),
        c.integer("linear_conv_kernel_dim", 4, least=2, most=MOST_TAPS),
        spec.norm,
    )
