"""Tiny models of Gemma 4. Data only."""

from __future__ import annotations

from typing import Any

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
UNIFIED = {key: value for key, value in GEMMA4.items() if "per_layer_input" not in key}
