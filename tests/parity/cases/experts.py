"""Tiny models with a mixture of experts. Data only."""

from __future__ import annotations

from typing import Any

from tests.parity.cases.case import LLAMA3, YARN, Case, rope

_QWEN_EXPERTS = {"num_experts": 7, "num_experts_per_tok": 3, "moe_intermediate_size": 32, "intermediate_size": 96}
_SHARED = {"shared_expert_intermediate_size": 160}
_GPT_OSS = {
    "num_local_experts": 5,
    "num_experts_per_tok": 2,
    "intermediate_size": 96,
    "head_dim": 16,
    "sliding_window": 7,
    "swiglu_limit": 0.9,
    "swiglu_alpha": 1.3,
} | rope("default", rope_theta=2500.0)
_GLM_EXPERTS = {
    "n_routed_experts": 9,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "intermediate_size": 96,
    "routed_scaling_factor": 1.7,
}
_HY3 = {
    "num_experts": 8,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "intermediate_size": 96,
    "head_dim": 24,
    "router_scaling_factor": 1.9,
    "rope_parameters": {"rope_type": "default", "rope_theta": 2500.0},
}
_OLMOE = {"num_experts": 6, "num_experts_per_tok": 3, "intermediate_size": 32}
_GRANITE_EXPERTS = {
    "num_local_experts": 5,
    "num_experts_per_tok": 2,
    "intermediate_size": 32,
    "embedding_multiplier": 3.0,
    "attention_multiplier": 0.4,
    "residual_multiplier": 0.7,
    "logits_scaling": 0.6,
}
_ERNIE_EXPERTS = {
    "moe_num_experts": 8,
    "moe_k": 3,
    "moe_intermediate_size": 32,
    "intermediate_size": 96,
    "moe_norm_min": 0.45,
    "tie_word_embeddings": True,
}
DBRX: dict[str, Any] = {
    "d_model": 64,
    "n_heads": 4,
    "n_layers": 3,
    "max_seq_len": 128,
    "attn_config": {"kv_n_heads": 2, "clip_qkv": 0.8, "rope_theta": 2500.0},
    "ffn_config": {"moe_num_experts": 5, "moe_top_k": 2, "ffn_hidden_size": 64},
    "rope_parameters": {"rope_type": "default", "rope_theta": 2500.0},
}
DBRX_LACKS = (
    "hidden_size",
    "num_attention_heads",
    "num_hidden_layers",
    "max_position_embeddings",
    "num_key_value_heads",
    "intermediate_size",
    "rms_norm_eps",
)
MINIMAX: dict[str, Any] = {
    "num_local_experts": 6,
    "num_experts_per_tok": 3,
    "head_dim": 24,
    "intermediate_size": 32,
}
EXAONE_EXPERTS: dict[str, Any] = {
    "num_hidden_layers": 4,
    "sliding_window": 7,
    "num_experts": 8,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "routed_scaling_factor": 1.7,
}
LAGUNA: dict[str, Any] = {
    "num_attention_heads_per_layer": [4, 6, 2],
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "sliding_window": 7,
    "head_dim": 16,
    "num_experts": 7,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 64,
    "moe_routed_scaling_factor": 1.7,
}
LAGUNA_SLOWED: dict[str, Any] = {
    "full_attention": {
        "rope_type": "yarn",
        "rope_theta": 10000.0,
        "partial_rotary_factor": 0.5,
        "factor": 4.0,
        "original_max_position_embeddings": 32,
    },
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0},
}
MIMO: dict[str, Any] = {
    "num_hidden_layers": 4,
    "num_key_value_heads": 1,
    "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
    "head_dim": 24,
    "v_head_dim": 20,
    "sliding_window": 7,
    "n_routed_experts": 8,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "routed_scaling_factor": 1.7,
    "rope_parameters": {
        "full_attention": {"rope_type": "default", "rope_theta": 2500.0, "partial_rotary_factor": 0.334},
        "sliding_attention": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.75},
    },
}
STEP: dict[str, Any] = {
    "num_hidden_layers": 5,
    "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
    "mlp_layer_types": ["dense", "dense", "sparse", "sparse", "sparse"],
    "num_sliding_attention_heads": 6,
    "head_dim": 24,
    "sliding_window": 7,
    "query_pre_attn_scalar": 30,
    "n_routed_experts": 7,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "share_expert_dim": 40,
    "moe_router_scaling_factor": 1.7,
    "swiglu_limits": [0.0, 0.0, 0.0, 0.4, 0.0],
    "swiglu_limits_shared": [0.0, 0.3, 0.0, 0.5, 0.0],
    "rope_parameters": {
        "full_attention": {"rope_type": "llama3", "rope_theta": 2500.0, "partial_rotary_factor": 0.5, **LLAMA3},
        "sliding_attention": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 1.0},
    },
}
LLAMA4: dict[str, Any] = {
    "num_hidden_layers": 4,
    "head_dim": 24,
    "intermediate_size": 32,
    "intermediate_size_mlp": 96,
    "num_local_experts": 5,
    "attention_chunk_size": 7,
    "no_rope_layers": [1, 0, 1, 1],
}
PHIMOE: dict[str, Any] = {
    "num_local_experts": 6,
    "num_experts_per_tok": 2,
    "intermediate_size": 32,
    "router_jitter_noise": 0.15,
}


def slowed(short: float, long: float) -> dict[str, Any]:
    """Rotations of Phi with experts for long texts, with these factors of scores."""
    factors = [1.0 + 0.1 * i for i in range(8)]
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": factors, "long_factor": factors}
    return {
        "rope_parameters": rope | {"short_mscale": short, "long_mscale": long, "original_max_position_embeddings": 24},
    }


CASES = [
    Case("mixtral", "mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    Case(
        "mixtral, three of five uneven experts",
        "mixtral",
        {"num_local_experts": 5, "num_experts_per_tok": 3, "intermediate_size": 89, "tie_word_embeddings": True},
    ),
    Case("mixtral, one expert at a time", "mixtral", {"num_local_experts": 3, "num_experts_per_tok": 1}),
    Case("mixtral, all experts", "mixtral", {"num_local_experts": 3, "num_experts_per_tok": 3, "head_dim": 24}),
    Case("mixtral, window", "mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 7}),
    Case("glm4 with experts", "glm4_moe", _GLM_EXPERTS),
    Case(
        "glm4 with experts in groups, norms of heads, biases",
        "glm4_moe",
        _GLM_EXPERTS
        | {"n_group": 3, "topk_group": 2, "use_qk_norm": True, "attention_bias": True, "norm_topk_prob": False},
    ),
    Case(
        "glm4 with experts, two shared, all layers",
        "glm4_moe",
        _GLM_EXPERTS | {"n_shared_experts": 2, "first_k_dense_replace": 0, "partial_rotary_factor": 0.75},
    ),
    Case("olmo with experts", "olmoe", _OLMOE),
    Case(
        "olmo with experts, biases, shares divided",
        "olmoe",
        _OLMOE
        | {"attention_bias": True, "norm_topk_prob": True, "num_key_value_heads": 4, "tie_word_embeddings": True},
    ),
    Case("granite with experts", "granitemoe", _GRANITE_EXPERTS),
    Case("granite with experts, biases", "granitemoe", _GRANITE_EXPERTS | {"attention_bias": True}),
    Case("ernie with experts", "ernie4_5_moe", _ERNIE_EXPERTS),
    Case(
        "ernie with experts, every second layer, none shared",
        "ernie4_5_moe",
        _ERNIE_EXPERTS
        | {
            "moe_layer_interval": 2,
            "moe_num_shared_experts": 0,
            "moe_layer_start_index": 0,
            "tie_word_embeddings": False,
        },
    ),
    Case(
        "ernie with experts, layers from the second to the third",
        "ernie4_5_moe",
        _ERNIE_EXPERTS | {"moe_layer_start_index": 1, "moe_layer_end_index": 2, "num_hidden_layers": 4},
    ),
    Case("hy3", "hy_v3", _HY3),
    Case(
        "hy3, two shared, biases, kinds of layers",
        "hy_v3",
        _HY3
        | {
            "attention_bias": True,
            "mlp_bias": True,
            "num_shared_experts": 2,
            "mlp_layer_types": ["sparse", "dense", "sparse"],
        },
    ),
    Case("gpt-oss", "gpt_oss", _GPT_OSS),
    Case(
        "gpt-oss, slowed down, tied, other kinds of layers",
        "gpt_oss",
        _GPT_OSS
        | rope("yarn", **YARN, beta_fast=2.0, beta_slow=0.5, truncate=False)
        | {
            "tie_word_embeddings": True,
            "layer_types": ["full_attention", "full_attention", "sliding_attention"],
            "num_attention_heads": 6,
        },
    ),
    Case("gpt-oss, no biases of attention", "gpt_oss", _GPT_OSS | {"attention_bias": False}),
    Case("qwen2 with experts", "qwen2_moe", _QWEN_EXPERTS | _SHARED),
    Case(
        "qwen2 with experts, shares divided, no biases, dense layers",
        "qwen2_moe",
        _QWEN_EXPERTS | _SHARED | {"norm_topk_prob": True, "qkv_bias": False, "mlp_only_layers": [0]},
    ),
    Case(
        "qwen2 with experts, lower layers slide",
        "qwen2_moe",
        _QWEN_EXPERTS | _SHARED | {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 2},
    ),
    Case("qwen3 with experts", "qwen3_moe", _QWEN_EXPERTS | {"head_dim": 24, "norm_topk_prob": True}),
    Case(
        "qwen3 with experts, shares of all, every second layer, biases",
        "qwen3_moe",
        _QWEN_EXPERTS | {"decoder_sparse_step": 2, "attention_bias": True, "tie_word_embeddings": True},
    ),
    Case(
        "qwen3 with experts, window",
        "qwen3_moe",
        _QWEN_EXPERTS | {"use_sliding_window": True, "sliding_window": 7, "mlp_only_layers": [1]},
    ),
    Case("dbrx", "dbrx", DBRX, DBRX_LACKS),
    Case(
        "dbrx, shares not divided, one expert at a time",
        "dbrx",
        DBRX
        | {
            "attn_config": {"kv_n_heads": 4, "clip_qkv": 2.5, "rope_theta": 2500.0},
            "ffn_config": {
                "moe_num_experts": 3,
                "moe_top_k": 1,
                "ffn_hidden_size": 40,
                "moe_normalize_expert_weights": None,
            },
        },
        DBRX_LACKS,
    ),
    Case("minimax", "minimax_m2", MINIMAX | rope("default", partial_rotary_factor=0.5)),
    Case("minimax, rotary_dim, tied", "minimax_m2", MINIMAX | {"rotary_dim": 12, "tie_word_embeddings": True}),
    Case("exaone with experts", "exaone_moe", EXAONE_EXPERTS),
    Case(
        "exaone with experts in groups, two shared, no window, kinds of layers",
        "exaone_moe",
        EXAONE_EXPERTS
        | {
            "num_experts": 9,
            "n_group": 3,
            "topk_group": 2,
            "num_shared_experts": 2,
            "norm_topk_prob": False,
            "layer_types": ["full_attention"] * 4,
            "mlp_layer_types": ["sparse", "dense", "sparse", "dense"],
        },
    ),
    Case("laguna", "laguna", LAGUNA),
    Case(
        "laguna, gates by element, all layers full, slowed down, capped scores",
        "laguna",
        LAGUNA
        | {
            "gating": "per-element",
            "layer_types": ["full_attention"] * 3,
            "num_attention_heads_per_layer": None,
            "moe_router_logit_softcapping": 0.7,
            "mlp_layer_types": ["sparse", "dense", "sparse"],
            "attention_bias": True,
            "rope_parameters": LAGUNA_SLOWED,
        },
    ),
    Case("mimo", "mimo_v2_flash", MIMO),
    Case(
        "mimo, wider values, biases, experts in groups, kinds of layers",
        "mimo_v2_flash",
        MIMO
        | {
            "v_head_dim": 32,
            "attention_value_scale": None,
            "attention_bias": True,
            "n_routed_experts": 9,
            "n_group": 3,
            "topk_group": 2,
            "norm_topk_prob": False,
            "layer_types": ["full_attention", "sliding_attention"] * 2,
            "mlp_layer_types": ["sparse", "dense", "sparse", "dense"],
            "num_key_value_heads": 2,
        },
    ),
    Case("llama4", "llama4_text", LLAMA4 | {"attn_temperature_tuning": False}),
    Case(
        "llama4, queries grow, dense layers, biases, no norms of heads",
        "llama4_text",
        LLAMA4
        | {"floor_scale": 8, "attn_scale": 0.3, "interleave_moe_layer_step": 2, "num_experts_per_tok": 2}
        | {"attention_bias": True, "use_qk_norm": False, "tie_word_embeddings": True}
        | rope("llama3", **LLAMA3 | {"high_freq_factor": 1.0}),
    ),
    Case("phimoe", "phimoe", PHIMOE | {"attention_bias": True, "lm_head_bias": True}),
    Case("phimoe, window, tied", "phimoe", PHIMOE | {"sliding_window": 7, "tie_word_embeddings": True}),
    # transformers 5.23 takes the factors of short texts for long ones too; here both are the same.
    Case("phimoe, long texts", "phimoe", PHIMOE | slowed(1.3, 0.8)),
]
