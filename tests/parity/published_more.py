"""Configs with all keys of released checkpoints whose keys are not like others'. Data only."""

from __future__ import annotations

from typing import Any

LFM2_8B_A1B: dict[str, Any] = {
    "architectures": ["Lfm2MoeForCausalLM"], "bos_token_id": 1, "conv_L_cache": 3, "conv_bias": False,
    "dtype": "bfloat16", "eos_token_id": 7, "hidden_size": 2048, "initializer_range": 0.02,
    "intermediate_size": 7168, "max_position_embeddings": 128000, "model_type": "lfm2_moe",
    "moe_intermediate_size": 1792, "norm_eps": 1e-05, "norm_topk_prob": True, "num_attention_heads": 32,
    "num_dense_layers": 2, "num_experts": 32, "num_experts_per_tok": 4, "num_hidden_layers": 24,
    "num_key_value_heads": 8, "pad_token_id": 0, "rope_theta": 1000000.0, "routed_scaling_factor": 1.0,
    "transformers_version": "4.57.0.dev0", "use_cache": True, "use_expert_bias": True, "vocab_size": 65536,
    "layer_types": ["full_attention" if i in (2, 6, 10, 14, 18, 21) else "conv" for i in range(24)],
}  # fmt: skip

SIZES: dict[str, dict[str, Any]] = {
    "opt-125m": {
        "model_type": "opt", "activation_dropout": 0.0, "activation_function": "relu", "attention_dropout": 0.0,
        "hidden_size": 768, "do_layer_norm_before": True, "dropout": 0.1, "ffn_dim": 3072, "init_std": 0.02,
        "layerdrop": 0.0, "max_position_embeddings": 2048, "num_attention_heads": 12, "num_hidden_layers": 12,
        "pad_token_id": 1, "use_cache": True, "vocab_size": 50272, "word_embed_proj_dim": 768,
    },
    "OLMo-1B-hf": {
        "model_type": "olmo", "architectures": ["OlmoForCausalLM"], "vocab_size": 50304, "hidden_size": 2048,
        "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 16, "num_key_value_heads": 16,
        "max_position_embeddings": 2048, "rope_theta": 10000.0, "attention_bias": False, "clip_qkv": None,
    },
    "Minitron-4B-Base": {
        "model_type": "nemotron", "architectures": ["NemotronForCausalLM"], "hidden_act": "relu2",
        "hidden_size": 3072, "initializer_range": 0.0134, "intermediate_size": 9216,
        "max_position_embeddings": 4096, "num_attention_heads": 24, "num_hidden_layers": 32,
        "num_key_value_heads": 8, "norm_eps": 1e-05, "rope_theta": 10000, "partial_rotary_factor": 0.5,
        "tie_word_embeddings": False, "use_cache": True, "vocab_size": 256000,
    },
    "falcon-7b": {
        "model_type": "falcon", "architectures": ["FalconForCausalLM"], "alibi": False, "bias": False,
        "hidden_size": 4544, "layer_norm_epsilon": 1e-05, "multi_query": True, "new_decoder_architecture": False,
        "num_attention_heads": 71, "num_hidden_layers": 32, "parallel_attn": True, "vocab_size": 65024,
    },
    "bloom": {
        "model_type": "bloom", "hidden_size": 14336, "n_head": 112, "n_layer": 70, "layer_norm_epsilon": 1e-05,
        "vocab_size": 250880,
    },
    "GLM-4.1V-9B-Thinking, its text model": {
        "model_type": "glm4v_text", "hidden_size": 4096, "num_hidden_layers": 40, "intermediate_size": 13696,
        "num_attention_heads": 32, "num_key_value_heads": 2, "vocab_size": 151552, "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "attention_bias": True,
        "rope_scaling": {"rope_type": "default", "mrope_section": [8, 12, 12]},
    },
}  # fmt: skip
"""What of them decides the sizes, and not each other key."""
