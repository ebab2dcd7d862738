"""Laguna: normed heads, of which layers have different numbers, each behind a gate; sliding layers and full ones with
rotations of their own; and in all but the first layer many experts, which a bias of their own helps to choose, beside a
layer that all tokens use."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs import qwen3
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import both_arrangements
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, sparse_layers, with_kinds
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_kind
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP
from causerie.spec.rope import Rope
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
_MLP = _LAYER + "mlp"
_OTHERS: Table = {
    **qwen3.WEIGHTS,
    "layers.{i}.mixer.gate": _LAYER + "self_attn.g_proj.weight",
    "layers.{i}.ffn.router": f"{_MLP}.gate.weight",
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 100352,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 40,
    "num_attention_heads": 48,
    "max_position_embeddings": 131072,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them, which has
    other names for what stands beside."""
    alone, stacked = both_arrangements(spec, _OTHERS, _MLP)
    return (
        {**alone, **_beside("shared_expert", "experts")},
        {**stacked, **_beside("shared_experts", "gate")},
    )


def _beside(shared: str, bias: str) -> Table:
    names = {
        f"layers.{{i}}.ffn.shared.{name}": f"{_MLP}.{shared}.{name}_proj.weight" for name in ("gate", "up", "down")
    }
    return {**names, "layers.{i}.ffn.choice_bias": f"{_MLP}.{bias}.e_score_correction_bias"}


@architecture("laguna", weights=weights)
def laguna(c: Config) -> Decoder:
    """Laguna XS and S 2."""
    c.assume(DEFAULTS)
    c.expect("moe_apply_router_weight_on_input", False)
    bias = c.boolean("attention_bias", False)
    spec = llama_like(
        c, bias=bias, out_bias=bias, kv_heads=8, head_dim=128, rope=lambda head_dim: _rope(c, FULL, head_dim)
    )
    gating = c.choice("gating", True, (True, "per-head", "per-element"))
    spec = spec.each_attention(qk_norm=spec.norm, gated=True, gate_act="softplus", gated_heads=gating != "per-element")
    kinds = layer_kinds(c, [FULL] * len(spec.layers))
    rope = _rope(c, SLIDING, next(spec.attentions).head_dim)
    spec = with_kinds(spec, kinds, {SLIDING: {"window": c.integer("sliding_window", 512), "rope": rope}})
    return in_layers(_with_heads(c, spec), _experts(c), sparse_layers(c, len(spec.layers), dense=1))


def _rope(c: Config, kind: str, head_dim: int) -> Rope:
    share = 0.5 if kind == FULL else 1.0
    return read_kind(c, kind, head_dim, {"partial_rotary_factor": share}, 5e5 if kind == FULL else 1e4, partial=True)


def _with_heads(c: Config, spec: Decoder) -> Decoder:
    """With as many query heads in each layer as the config says of it."""
    heads = c.integers("num_attention_heads_per_layer", least=1)
    if heads is None:
        return spec
    shared = next(spec.attentions).kv_heads
    if len(heads) != len(spec.layers) or any(count % shared for count in heads):
        raise c.wrong(
            "num_attention_heads_per_layer", heads, f"a multiple of {shared} for each of {len(spec.layers)} layers"
        )
    layers = (layer.with_attention(heads=count) for layer, count in zip(spec.layers, heads, strict=True))
    return replace(spec, layers=tuple(layers))


def _experts(c: Config) -> Experts:
    count = c.integer("num_experts", 256, most=MOST_EXPERTS)
    router = Router(
        c.integer("num_experts_per_tok", 8, most=count),
        "sigmoid",
        choice_bias=True,
        scale=c.number("moe_routed_scaling_factor", 1.0),
        score_cap=c.number("moe_router_logit_softcapping", 0.0, above=False) or None,
    )
    shared = Shared(MLP(c.integer("shared_expert_intermediate_size", 512)))
    return Experts(count, router, c.integer("moe_intermediate_size", 512), shared=shared)
