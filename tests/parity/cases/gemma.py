"""Tiny models of Gemma, all generations. Data only."""

from __future__ import annotations

from typing import Any

from tests.parity.cases.case import Case

_GEMMA3 = {
    "head_dim": 24,
    "num_hidden_layers": 4,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
    "sliding_window": 7,
    "query_pre_attn_scalar": 24,
    "tie_word_embeddings": True,
}
_GEMMA = {"head_dim": 24, "tie_word_embeddings": True, "hidden_act": "gelu_pytorch_tanh"}
_GEMMA2 = {
    "head_dim": 24,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "sliding_window": 7,
    "query_pre_attn_scalar": 24,
    "attn_logit_softcapping": 1.5,  # scores are about as large, and logits
    "final_logit_softcapping": 6.0,
    "tie_word_embeddings": True,
}
_KINDS = ["sliding_attention", "full_attention"]
GEMMA4: dict[str, Any] = {
    "head_dim": 16,
    "global_head_dim": 24,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 4,
    "layer_types": _KINDS * 2,
    "sliding_window": 7,
    "tie_word_embeddings": True,
    "hidden_size_per_layer_input": 0,
    "vocab_size_per_layer_input": 131,
    "final_logit_softcapping": 6.0,
}
SHARING = {"num_hidden_layers": 6, "layer_types": _KINDS * 3, "num_kv_shared_layers": 3}
# Without it layers that read the keys of others fail in transformers 5.23.
GIVEN = {"hidden_size_per_layer_input": 32}
EXPERTS = {"enable_moe_block": True, "num_experts": 5, "top_k_experts": 2, "moe_intermediate_size": 32}
KEYS_AS_VALUES = {"attention_k_eq_v": True, "num_global_key_value_heads": 1}
ROPES = {
    "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
    "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.5, "rope_theta": 2000.0},
}
GEMMA3N: dict[str, Any] = {
    "head_dim": 12,  # as scores are not scaled
    "num_hidden_layers": 5,
    "intermediate_size": [88, 72, 88, 96, 88],
    "layer_types": ["sliding_attention", *_KINDS * 2],
    "sliding_window": 7,
    "num_kv_shared_layers": 2,
    "tie_word_embeddings": True,
    "hidden_size_per_layer_input": 32,
    "vocab_size_per_layer_input": 120,  # some tokens have no row of their own
    "altup_num_inputs": 3,
    "laurel_rank": 32,
    "activation_sparsity_pattern": [0.8, 0.3, 0.0, 0.6, 0.0],
    "final_logit_softcapping": 6.0,
}
UNIFIED = {key: value for key, value in GEMMA4.items() if "per_layer_input" not in key}

CASES = [
    Case("gemma", "gemma", _GEMMA),
    Case(
        "gemma, untied, biases, one key head", "gemma", _GEMMA | {"tie_word_embeddings": False, "attention_bias": True}
    ),
    Case("gemma2", "gemma2", _GEMMA2),
    Case("gemma2, only logits are capped", "gemma2", _GEMMA2 | {"attn_logit_softcapping": None}),
    Case(
        "gemma2, only scores are capped, biases",
        "gemma2",
        _GEMMA2 | {"final_logit_softcapping": None, "attention_bias": True, "query_pre_attn_scalar": 40},
    ),
    Case("gemma3", "gemma3_text", _GEMMA3),
    Case(
        "gemma3, untied, biases, other scale",
        "gemma3_text",
        _GEMMA3 | {"tie_word_embeddings": False, "attention_bias": True, "query_pre_attn_scalar": 40},
    ),
    Case(
        "gemma3, slowed down on full layers",
        "gemma3_text",
        _GEMMA3
        | {
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 2500.0},
            }
        },
    ),
    Case("gemma4", "gemma4_text", GEMMA4 | SHARING | GIVEN | {"use_double_wide_mlp": True}),
    Case("gemma4 with experts", "gemma4_text", GEMMA4 | EXPERTS | KEYS_AS_VALUES),
    Case(
        "gemma4, biases, untied, half of each head turns",
        "gemma4_text",
        GEMMA4 | SHARING | GIVEN | {"attention_bias": True, "tie_word_embeddings": False, "rope_parameters": ROPES},
    ),
    Case("gemma3n", "gemma3n_text", GEMMA3N),
    Case(
        "gemma3n, biases, untied, no keys are shared, four streams",
        "gemma3n_text",
        GEMMA3N
        | {"num_hidden_layers": 3, "intermediate_size": 88, "layer_types": [*_KINDS, "sliding_attention"]}
        | {"activation_sparsity_pattern": [0.9, 0.0, 0.7], "num_kv_shared_layers": 0, "altup_num_inputs": 4}
        | {"attention_bias": True, "tie_word_embeddings": False, "final_logit_softcapping": 9.0, "rms_norm_eps": 0.03},
    ),
    Case("gemma4_unified", "gemma4_unified_text", UNIFIED | KEYS_AS_VALUES),
]
