"""Tiny models of families that differ little from another one, as configs.py has others. Data only."""

from __future__ import annotations

from typing import Any

from tests.parity.cases.case import LLAMA3, Case, rope

_EXPERTS = {"moe_intermediate_size": 32, "num_experts_per_tok": 2}
_ROUTED: dict[str, Any] = {
    **_EXPERTS,
    "n_routed_experts": 6,
    "n_group": 3,
    "topk_group": 2,
    "n_shared_experts": 2,
    "norm_topk_prob": True,
    "routed_scaling_factor": 1.6,
}
_SLIDING = {"sliding_window": 7, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
_TURNING = {
    "full_attention": {"rope_type": "linear", "factor": 3.0, "rope_theta": 5e3},
    "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
}
_GRANITE = {
    "embedding_multiplier": 3.0,
    "attention_multiplier": 0.2,
    "residual_multiplier": 0.6,
    "logits_scaling": 0.7,
}
_NO_MIDDLE = ("intermediate_size",)  # of families in which every layer has experts
_STATES = (
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "rms_norm_eps",
)

CASES_KIN = [
    Case("iquest-coder", "iquestcoder", {"head_dim": 24, "attention_bias": True}),
    Case("internlm3", "internlm3", {"head_dim": 24, "attention_bias": True, "mlp_bias": True}),
    Case("ministral", "ministral", _SLIDING | {"head_dim": 24}),
    Case("cwm", "cwm", _SLIDING | {"head_dim": 24} | rope("llama3", **LLAMA3), ("bos_token_id",)),
    Case(
        "granite, shared experts",
        "granitemoeshared",
        {"num_local_experts": 5, "num_experts_per_tok": 2, "intermediate_size": 32, "shared_intermediate_size": 64}
        | _GRANITE,
    ),
    Case("granite, windows", "granite_swa", _SLIDING | _GRANITE | {"layer_rope_theta": [0.0, 1e4, 100.0]}),
    Case(
        "granite, windows and experts",
        "granitemoe_swa",
        _SLIDING
        | _GRANITE
        | {"num_local_experts": 5, "num_experts_per_tok": 2, "intermediate_size": 32, "shared_intermediate_size": 64},
    ),
    Case("hyperclova", "hyperclovax", _GRANITE),
    Case(
        "vaultgemma",
        "vaultgemma",
        {"head_dim": 24, "query_pre_attn_scalar": 20, "sliding_window": 7, "attn_logit_softcapping": 2.0}
        | {"final_logit_softcapping": 6.0, "tie_word_embeddings": True},
    ),
    Case("solar", "solar_open", _ROUTED | {"head_dim": 16, "attention_bias": True}, _NO_MIDDLE),
    Case("dots", "dots1", _ROUTED | _SLIDING | {"head_dim": 24, "first_k_dense_replace": 1}),
    Case(
        "hunyuan with experts",
        "hunyuan_v1_moe",
        {"head_dim": 24, "intermediate_size": 40, "num_experts": 5, "moe_topk": 2},
    ),
    Case(
        "trinity",
        "afmoe",
        _EXPERTS
        | _SLIDING
        | {"head_dim": 24, "num_experts": 6, "num_shared_experts": 2, "route_scale": 1.6, "mup_enabled": True},
    ),
    Case(
        "mellum",
        "mellum",
        _EXPERTS
        | _SLIDING
        | {"head_dim": 24, "num_experts": 5, "mlp_layer_types": ["dense", "sparse", "sparse"]}
        | {"rope_parameters": _TURNING},
    ),
    Case("falcon-mamba", "falcon_mamba", {"state_size": 12, "mixer_rms_eps": 0.01}, _STATES),
]
