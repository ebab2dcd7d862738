"""Hy3: heads are normed before they turn, and each token uses a few of many experts, which a bias of their own helps to
choose, beside a layer that all tokens use."""

from __future__ import annotations

from causerie.models.archs import qwen3
from causerie.models.archs.glm4_moe import with_layers_behind
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.draft_names import appended
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import EXPERT_MATRICES, experts_alone
from causerie.models.layer_kinds import sparse_layers
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP
from causerie.spec.router import MOST_EXPERTS, Router

_MLP = "model.layers.{i}.mlp"
_OTHERS = {
    **qwen3.WEIGHTS,
    "layers.{i}.ffn.router": f"{_MLP}.router.gate.weight",
    "layers.{i}.ffn.choice_bias": f"{_MLP}.expert_bias",
    **{f"layers.{{i}}.ffn.shared.{ours}": f"{_MLP}.shared_mlp.{name}.weight" for ours, name in EXPERT_MATRICES.items()},
    **{
        f"layers.{{i}}.ffn.shared.{ours}_bias": f"{_MLP}.shared_mlp.{name}.bias"
        for ours, name in EXPERT_MATRICES.items()
    },
}


def weights(spec: Decoder) -> Table:
    """Each expert's matrices alone."""
    return {**_OTHERS, **experts_alone(spec, f"{_MLP}.experts"), **appended(spec, "final_layernorm")}


@architecture("hy_v3", weights=weights)
def hy_v3(c: Config) -> Decoder:
    """Tencent's Hy3."""
    c.expect("enable_moe_fp32_combine", True, False)  # how sums are rounded in half precision; here always in float32
    bias, mlp_bias = c.boolean("attention_bias", False), c.boolean("mlp_bias", False)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        mlp_bias=mlp_bias,
        kv_heads=8,
        head_dim=128,
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=11158840.0),
    )
    count, act = c.integer("num_experts", 192, most=MOST_EXPERTS), spec.layers[0].ffn.act
    router = Router(
        c.integer("num_experts_per_tok", 8, most=count),
        "sigmoid",
        choice_bias=True,
        least_sum=1e-20,
        scale=c.number("router_scaling_factor", 2.826),
    )
    hidden = c.integer("moe_intermediate_size", 1536)
    shared = Shared(MLP(hidden * c.integer("num_shared_experts", 1), act, mlp_bias))
    experts = Experts(count, router, hidden, act, shared=shared)
    spec = in_layers(spec.each_attention(qk_norm=spec.norm), experts, sparse_layers(c, len(spec.layers), dense=1))
    return with_layers_behind(c, spec, usual=0)
