"""Configs of models with attention to latents as their makers published them, as published.py has others. Data only."""

from __future__ import annotations

from typing import Any

_COMMON = {
    "attention_bias": False, "attention_dropout": 0.0, "hidden_act": "silu", "initializer_range": 0.02,
    "kv_lora_rank": 512, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16", "use_cache": True,
}  # fmt: skip
_DEEPSEEK = _COMMON | {
    "aux_loss_alpha": 0.001, "moe_layer_freq": 1, "pretraining_tp": 1, "qk_nope_head_dim": 128, "seq_aux": True,
    "v_head_dim": 128,
}  # fmt: skip
_V2 = _DEEPSEEK | {
    "architectures": ["DeepseekV2ForCausalLM"], "bos_token_id": 100000, "eos_token_id": 100001,
    "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV2Config"}, "first_k_dense_replace": 1,
    "max_position_embeddings": 163840, "model_type": "deepseek_v2", "n_shared_experts": 2, "norm_topk_prob": False,
    "num_experts_per_tok": 6, "rope_theta": 10000, "scoring_func": "softmax", "transformers_version": "4.33.1",
    "vocab_size": 102400,
    "rope_scaling": {
        "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
        "original_max_position_embeddings": 4096, "type": "yarn",
    },
}  # fmt: skip
_V3 = _DEEPSEEK | {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "norm_topk_prob": True,
    "scoring_func": "sigmoid", "topk_method": "noaux_tc",
}  # fmt: skip

KIMI_K2: dict[str, Any] = _V3 | {
    "bos_token_id": 163584, "eos_token_id": 163585, "ep_size": 1, "first_k_dense_replace": 1, "hidden_size": 7168,
    "intermediate_size": 18432, "max_position_embeddings": 131072, "model_type": "kimi_k2",
    "moe_intermediate_size": 2048, "n_group": 1, "n_routed_experts": 384, "n_shared_experts": 1,
    "num_attention_heads": 64, "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 64,
    "num_nextn_predict_layers": 0, "q_lora_rank": 1536, "rope_theta": 50000.0, "routed_scaling_factor": 2.827,
    "topk_group": 1, "vocab_size": 163840,
    "rope_scaling": {
        "beta_fast": 1.0, "beta_slow": 1.0, "factor": 32.0, "mscale": 1.0, "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 4096, "type": "yarn",
    },
}  # fmt: skip
"""Whose model_type transformers knows inside of kimi_k25 alone, as deepseek_v3."""

PUBLISHED_LATENT: dict[str, dict[str, Any]] = {
    "DeepSeek-V2-Lite-Chat": _V2 | {
        "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408, "n_group": 1,
        "n_routed_experts": 64, "num_attention_heads": 16, "num_hidden_layers": 27, "num_key_value_heads": 16,
        "q_lora_rank": None, "routed_scaling_factor": 1.0, "topk_group": 1, "topk_method": "greedy",
    },
    "DeepSeek-V2-Chat": _V2 | {
        "ep_size": 1, "hidden_size": 5120, "intermediate_size": 12288, "moe_intermediate_size": 1536, "n_group": 8,
        "n_routed_experts": 160, "num_attention_heads": 128, "num_hidden_layers": 60, "num_key_value_heads": 128,
        "q_lora_rank": 1536, "routed_scaling_factor": 16.0, "topk_group": 3, "topk_method": "group_limited_greedy",
    },
    "DeepSeek-V3, in bfloat16": _V3 | {
        "bos_token_id": 0, "eos_token_id": 1, "ep_size": 1, "first_k_dense_replace": 3, "hidden_size": 7168,
        "intermediate_size": 18432, "max_position_embeddings": 163840, "moe_intermediate_size": 2048, "n_group": 8,
        "n_routed_experts": 256, "n_shared_experts": 1, "num_attention_heads": 128, "num_experts_per_tok": 8,
        "num_hidden_layers": 61, "num_key_value_heads": 128, "num_nextn_predict_layers": 1, "q_lora_rank": 1536,
        "rope_theta": 10000, "routed_scaling_factor": 2.5, "topk_group": 4, "vocab_size": 129280,
        "rope_scaling": {
            "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
            "original_max_position_embeddings": 4096, "type": "yarn",
        },
    },
    "Moonlight-16B-A3B-Instruct": _V3 | {
        "bos_token_id": 163584, "eos_token_id": 163585, "first_k_dense_replace": 1, "hidden_size": 2048,
        "intermediate_size": 11264, "max_position_embeddings": 8192, "moe_intermediate_size": 1408, "n_group": 1,
        "n_routed_experts": 64, "n_shared_experts": 2, "num_attention_heads": 16, "num_experts_per_tok": 6,
        "num_hidden_layers": 27, "num_key_value_heads": 16, "num_nextn_predict_layers": 0, "q_lora_rank": None,
        "rms_norm_eps": 1e-05, "rope_theta": 50000.0, "routed_scaling_factor": 2.446, "topk_group": 1,
        "vocab_size": 163840,
    },
    "GLM-4.7-Flash": _COMMON | {
        "architectures": ["Glm4MoeLiteForCausalLM"], "eos_token_id": [154820, 154827, 154829],
        "first_k_dense_replace": 1, "hidden_size": 2048, "intermediate_size": 10240,
        "max_position_embeddings": 202752, "model_type": "glm4_moe_lite", "moe_intermediate_size": 1536, "n_group": 1,
        "n_routed_experts": 64, "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": 20,
        "num_experts_per_tok": 4, "num_hidden_layers": 47, "num_key_value_heads": 20, "num_nextn_predict_layers": 1,
        "pad_token_id": 154820, "partial_rotary_factor": 1.0, "q_lora_rank": 768, "qk_nope_head_dim": 192,
        "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 1000000, "routed_scaling_factor": 1.8,
        "topk_group": 1, "topk_method": "noaux_tc", "v_head_dim": 256, "vocab_size": 154880,
    },
    "Youtu-LLM-2B": _COMMON | {
        "architectures": ["YoutuForCausalLM"], "bos_token_id": 128000, "embedding_initializer_range": 0.0396,
        "eos_token_id": 128001, "head_dim": 64, "hidden_size": 2048, "intermediate_size": 6144,
        "max_position_embeddings": 131072, "mlp_bias": False, "model_type": "youtu", "num_attention_heads": 16,
        "num_hidden_layers": 32, "num_key_value_heads": 16, "q_lora_rank": 1536, "qk_head_dim": 192,
        "qk_nope_head_dim": 128, "rope_interleave": True, "rope_scaling": None, "rope_theta": 1600000,
        "tie_word_embeddings": True, "v_head_dim": 128, "vocab_size": 128256,
    },
    "MiniCPM3-4B": {
        "architectures": ["MiniCPM3ForCausalLM"], "auto_map": {"AutoConfig": "configuration_minicpm.MiniCPM3Config"},
        "bos_token_id": 1, "dim_model_base": 256, "eos_token_id": [2, 73440], "hidden_act": "silu",
        "hidden_size": 2560, "initializer_range": 0.1, "intermediate_size": 6400, "kv_lora_rank": 256,
        "max_position_embeddings": 32768, "model_type": "minicpm3", "num_attention_heads": 40,
        "num_hidden_layers": 62, "num_key_value_heads": 40, "q_lora_rank": 768, "qk_nope_head_dim": 64,
        "qk_rope_head_dim": 32, "rms_norm_eps": 1e-05, "scale_depth": 1.4, "scale_emb": 12,
        "torch_dtype": "bfloat16", "transformers_version": "4.41.0", "use_cache": True, "vocab_size": 73448,
        "rope_scaling": {
            "long_factor": [1.0 + i / 4 for i in range(16)], "original_max_position_embeddings": 32768,
            "short_factor": [1.0 + i / 8 for i in range(16)], "type": "longrope",
        },
    },
}  # fmt: skip
