"""Mellum 2: Qwen3 with experts, of which some layers slide, with a rotation of their own."""

from __future__ import annotations

from causerie.models.archs import qwen3_moe
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, sparse_layers, with_kinds
from causerie.models.registry import architecture
from causerie.models.rope_config import read_kind
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Rope
from causerie.spec.router import MOST_EXPERTS

DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 98304,
    "hidden_size": 2304,
    "intermediate_size": 7168,
    "num_hidden_layers": 28,
    "num_attention_heads": 32,
    "max_position_embeddings": 131072,
    "norm_topk_prob": True,
}


@architecture("mellum", weights=qwen3_moe.weights)
def mellum(c: Config) -> Decoder:
    """JetBrains' Mellum 2 with experts."""
    c.assume(DEFAULTS)
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, kv_heads=4, head_dim=128, rope=lambda dim: _rope(c, FULL, dim))
    spec = spec.each_attention(qk_norm=spec.norm)
    kinds = layer_kinds(c, [FULL] * len(spec.layers))
    rope = _rope(c, SLIDING, next(spec.attentions).head_dim)
    spec = with_kinds(spec, kinds, {SLIDING: {"window": c.integer("sliding_window", 1024), "rope": rope}})
    count = c.integer("num_local_experts", c.integer("num_experts", 64, most=MOST_EXPERTS), most=MOST_EXPERTS)
    experts = qwen3_moe.qwen_experts(c, spec, count, active=8, hidden=896)
    return in_layers(spec, experts, sparse_layers(c, len(spec.layers), dense=0))


def _rope(c: Config, kind: str, head_dim: int) -> Rope:
    return read_kind(c, kind, head_dim, {}, 5e5 if kind == FULL else 1e4)
