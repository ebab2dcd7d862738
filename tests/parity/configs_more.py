"""Tiny models of further families, by what their cases share. Data only."""

from __future__ import annotations

from typing import Any

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
LFM3: dict[str, Any] = {
    "num_hidden_layers": 4,
    "layer_types": ["conv", "full_attention", "sliding_attention", "conv"],
    "head_dim": 24,
    "sliding_window": 7,
    "tie_word_embeddings": True,
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
