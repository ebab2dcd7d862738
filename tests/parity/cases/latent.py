"""Tiny models with attention to latents, as configs.py has others. Data only.

Queries and values are of other widths than keys, and ranks no multiples of anything.
"""

from __future__ import annotations

from typing import Any

_YARN = {
    "rope_parameters": {
        "rope_type": "yarn",
        "rope_theta": 10000.0,
        "factor": 4.0,
        "original_max_position_embeddings": 32,
        "beta_fast": 4.0,
        "beta_slow": 0.5,
        "mscale": 1.5,
        "mscale_all_dim": 0.6,
    }
}
_LATENT: dict[str, Any] = {
    "num_key_value_heads": 4,
    "q_lora_rank": 38,
    "kv_lora_rank": 42,
    "qk_nope_head_dim": 22,
    "qk_rope_head_dim": 12,
    "v_head_dim": 18,
}
_EXPERTS = {
    "n_routed_experts": 9,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "intermediate_size": 96,
    "routed_scaling_factor": 1.7,
}
_ONE_GROUP = {"n_group": 1, "topk_group": 1}

_HALVES = {
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
        "long_factor": [1.5, 2.2, 2.9, 3.6, 4.3, 5.0],
    },
    "original_max_position_embeddings": 10,  # shorter than every prompt: its generate() does not read a text again
}

CASES_LATENT: list[tuple[str, str, dict[str, Any]]] = [
    ("deepseek v2", "deepseek_v2", _LATENT | _EXPERTS | {"first_k_dense_replace": 1, "q_lora_rank": None}),
    (
        "deepseek v2, experts in groups, queries of a vector, biases, yarn",
        "deepseek_v2",
        _LATENT
        | _EXPERTS
        | _YARN
        | {"topk_method": "group_limited_greedy", "n_group": 3, "topk_group": 1, "attention_bias": True},
    ),
    (
        "deepseek v3",
        "deepseek_v3",
        _LATENT | _EXPERTS | {"n_group": 3, "topk_group": 2, "first_k_dense_replace": 1},
    ),
    (
        "deepseek v3, queries of the input, biases, yarn, one group",
        "deepseek_v3",
        _LATENT
        | _EXPERTS
        | _ONE_GROUP
        | _YARN
        | {
            "q_lora_rank": None,
            "attention_bias": True,
            "first_k_dense_replace": 0,
            "norm_topk_prob": False,
            "n_shared_experts": 2,
        },
    ),
    ("youtu", "youtu", _LATENT | {"tie_word_embeddings": True}),
    (
        "youtu, queries of the input, biases, yarn",
        "youtu",
        _LATENT | _YARN | {"q_lora_rank": None, "attention_bias": True},
    ),
    ("minicpm3", "minicpm3", _LATENT | {"scale_emb": 3, "scale_depth": 1.1, "dim_model_base": 48}),
    (
        "minicpm3, long texts, biases, widths and scales of its sizes",
        "minicpm3",
        _LATENT
        | _HALVES
        | {
            "v_head_dim": None,
            "scale_emb": 1,
            "scale_depth": None,
            "dim_model_base": None,
            "attention_bias": True,
            "mlp_bias": True,
        },
    ),
    ("glm4 with latents", "glm4_moe_lite", _LATENT | _EXPERTS | _ONE_GROUP | {"num_hidden_layers": 2}),
    (
        "glm4 with latents, kinds of layers, long keys",
        "glm4_moe_lite",
        _LATENT
        | _EXPERTS
        | _ONE_GROUP
        | {"mlp_layer_types": ["sparse", "dense", "sparse"], "qk_nope_head_dim": 40, "tie_word_embeddings": True},
    ),
]
"""Of each its name, its family and what is changed."""
