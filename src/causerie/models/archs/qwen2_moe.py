"""Qwen2 with experts: Qwen2 with many small feed-forward layers in the place of each, of which every token uses a few,
and one beside them that all tokens use, as far as its gate opens."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.archs.qwen2 import with_windows
from causerie.models.archs.qwen3_moe import qwen_experts, with_experts
from causerie.models.config import Config
from causerie.models.expert_names import EXPERT_MATRICES, both_arrangements
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Shared
from causerie.spec.mlp import MLP
from causerie.spec.router import MOST_EXPERTS

_MLP = "model.layers.{i}.mlp"
_OTHERS = {
    **LLAMA_WEIGHTS,
    "layers.{i}.ffn.router": f"{_MLP}.gate.weight",
    "layers.{i}.ffn.shared_router": f"{_MLP}.shared_expert_gate.weight",
    **{
        f"layers.{{i}}.ffn.shared.{ours}": f"{_MLP}.shared_expert.{each}.weight"
        for ours, each in EXPERT_MATRICES.items()
    },
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    return both_arrangements(spec, _OTHERS, _MLP)


@architecture("qwen2_moe", weights=weights)
def qwen2_moe(c: Config) -> Decoder:
    """Qwen1.5-MoE-A2.7B, Qwen2-57B-A14B."""
    spec = llama_like(c, bias=c.boolean("qkv_bias", True), kv_heads=16)
    spec = with_windows(c, spec, slides=lambda layer, bound: layer % 2 == 0 and layer < bound)
    mlp = MLP(c.integer("shared_expert_intermediate_size", 5632), spec.layers[0].ffn.act)
    count = c.integer("num_experts", 60, most=MOST_EXPERTS)
    experts = qwen_experts(c, spec, count, active=4, hidden=1408)
    return with_experts(c, spec, replace(experts, shared=Shared(mlp, weighed=True)))
