"""Tiny models in which some layers keep a state: short convolutions, the gated delta rule. Data only."""

from __future__ import annotations

from typing import Any

from tests.parity.cases.case import Case

_HYBRID = {
    "num_hidden_layers": 4,
    "rms_norm_eps": 1e-3,  # what a head gives at the first positions may be next to nothing: its norm would be noise
    "layer_types": ["linear_attention", "full_attention", "linear_attention", "linear_attention"],
    "head_dim": 24,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 6,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 20,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
}
_HYBRID_EXPERTS = _HYBRID | {
    "num_hidden_layers": 2,
    "layer_types": ["linear_attention", "full_attention"],
    "num_experts": 7,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 160,
}
_LFM2 = {
    "rms_norm_eps": None,  # norm_eps, here
    "num_hidden_layers": 4,
    "layer_types": ["conv", "full_attention", "conv", "full_attention"],
    "block_multiple_of": 24,
    "tie_word_embeddings": True,
}
LFM2_EXPERTS: dict[str, Any] = {
    "rms_norm_eps": None,  # norm_eps, here
    "num_hidden_layers": 4,
    "layer_types": ["conv", "full_attention", "conv", "full_attention"],
    "tie_word_embeddings": True,
    "num_experts": 6,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "num_dense_layers": 1,
    "routed_scaling_factor": 1.7,
}
LFM3: dict[str, Any] = {
    "num_hidden_layers": 4,
    "layer_types": ["conv", "full_attention", "sliding_attention", "conv"],
    "head_dim": 24,
    "sliding_window": 7,
    "tie_word_embeddings": True,
}

CASES = [
    Case("lfm2", "lfm2", _LFM2),
    Case(
        "lfm2, biases, five taps, a wide middle",
        "lfm2",
        _LFM2 | {"conv_bias": True, "conv_L_cache": 5, "block_ffn_dim_multiplier": 1.7, "tie_word_embeddings": False},
    ),
    Case(
        "lfm2, layers by their numbers",
        "lfm2",
        _LFM2 | {"layer_types": None, "full_attn_idxs": [1], "conv_L_cache": 2, "num_key_value_heads": 1},
    ),
    Case(
        "lfm2, attention first, widths as they stand",
        "lfm2",
        _LFM2
        | {
            "layer_types": ["full_attention", "conv", "conv", "conv"],
            "block_auto_adjust_ff_dim": False,
            "norm_eps": 0.3,
        },
    ),
    Case("lfm2 with experts", "lfm2_moe", LFM2_EXPERTS),
    Case(
        "lfm2 with experts, none dense, no bias of choice, shares not divided",
        "lfm2_moe",
        LFM2_EXPERTS
        | {"num_dense_layers": 0, "use_expert_bias": False, "norm_topk_prob": False, "conv_bias": True}
        | {"tie_word_embeddings": False},
    ),
    Case("qwen3.5", "qwen3_5_text", _HYBRID),
    Case(
        "qwen3.5, every second layer attends, tied, five taps, a quarter turns",
        "qwen3_5_text",
        {
            "num_hidden_layers": 4,
            "rms_norm_eps": 1e-3,
            "full_attention_interval": 2,
            "head_dim": 16,
            "linear_num_key_heads": 3,
            "linear_num_value_heads": 3,
            "linear_key_head_dim": 16,
            "linear_value_head_dim": 16,
            "linear_conv_kernel_dim": 5,
            "tie_word_embeddings": True,
        },
    ),
    Case("qwen3.5 with experts", "qwen3_5_moe_text", _HYBRID_EXPERTS, ("intermediate_size",)),
    Case("qwen3-next", "qwen3_next", _HYBRID_EXPERTS),
    Case(
        "qwen3-next, shares of all, dense layers, one key head",
        "qwen3_next",
        _HYBRID_EXPERTS
        | {"norm_topk_prob": False, "mlp_only_layers": [3], "decoder_sparse_step": 2, "linear_num_key_heads": 1}
        | {"num_hidden_layers": 4, "layer_types": None, "full_attention_interval": 2},
    ),
    Case("lfm3", "lfm3", LFM3, ("rms_norm_eps",)),
    Case(
        "lfm3, no gates, no norms after, biases, untied",
        "lfm3",
        LFM3
        | {"use_attention_gate": False, "use_sandwich_norm": False, "conv_bias": True, "attention_bias": True}
        | {"tie_word_embeddings": False, "norm_eps": 0.1, "conv_L_cache": 4},
        ("rms_norm_eps",),
    ),
]
