"""Configs with all keys of released checkpoints that have Mamba's mixers. Data only."""

from __future__ import annotations

from math import inf
from typing import Any

_SWITCHES = {"attention_dropout": 0.0, "torch_dtype": "bfloat16", "use_cache": True}
_GRANITE = _SWITCHES | {
    "architectures": ["GraniteMoeHybridForCausalLM"], "attention_bias": False, "bos_token_id": 100257,
    "embedding_multiplier": 12, "eos_token_id": 100257, "hidden_act": "silu", "init_method": "mup",
    "initializer_range": 0.1, "mamba_chunk_size": 256, "mamba_conv_bias": True, "mamba_d_conv": 4, "mamba_d_head": 64,
    "mamba_d_state": 128, "mamba_expand": 2, "mamba_n_groups": 1, "mamba_proj_bias": False,
    "max_position_embeddings": 131072, "model_type": "granitemoehybrid", "normalization_function": "rmsnorm",
    "num_hidden_layers": 40, "output_router_logits": False, "pad_token_id": 100256, "residual_multiplier": 0.22,
    "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000, "router_aux_loss_coef": 0.0,
    "tie_word_embeddings": True, "vocab_size": 100352,
}  # fmt: skip
_HYBRID = ["attention" if i % 10 == 5 else "mamba" for i in range(40)]
_FALCON = _SWITCHES | {
    "architectures": ["FalconH1ForCausalLM"], "attention_bias": False, "attention_in_multiplier": 1.0,
    "attn_layer_indices": None, "bos_token_id": 1, "eos_token_id": 11, "hidden_act": "silu",
    "initializer_range": 0.02, "mamba_chunk_size": 128, "mamba_conv_bias": True, "mamba_d_conv": 4, "mamba_d_head": 64,
    "mamba_expand": 2, "mamba_n_groups": 1, "mamba_norm_before_gate": False, "mamba_proj_bias": False,
    "mamba_rms_norm": False, "mamba_use_mlp": True, "mlp_bias": False, "mlp_expansion_factor": 8,
    "model_type": "falcon_h1", "num_logits_to_keep": 1, "pad_token_id": 0, "projectors_bias": False,
    "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 100000000000.0, "tie_word_embeddings": False,
    "time_step_floor": 0.0001, "time_step_limit": [0.0, inf], "time_step_max": 0.1, "time_step_min": 0.001,
    "time_step_rank": "auto",
}  # fmt: skip
_NEMOTRON = _SWITCHES | {
    "architectures": ["NemotronHForCausalLM"], "attention_bias": False, "chunk_size": 128, "conv_kernel": 4,
    "auto_map": {"AutoConfig": "configuration_nemotron_h.NemotronHConfig"}, "bos_token_id": 1, "expand": 2,
    "head_dim": 128, "hidden_dropout": 0.0, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05,
    "mamba_hidden_act": "silu", "mamba_proj_bias": False, "mlp_bias": False, "mlp_hidden_act": "relu2",
    "model_type": "nemotron_h", "n_groups": 8, "num_logits_to_keep": 1, "pad_token_id": 0,
    "rescale_prenorm_residual": True, "residual_in_fp32": False, "sliding_window": None, "ssm_state_size": 128,
    "tie_word_embeddings": False, "time_step_floor": 0.0001, "time_step_limit": [0.0, inf], "time_step_max": 0.1,
    "time_step_min": 0.001, "use_bias": False, "use_conv_bias": True, "use_mamba_kernels": True, "vocab_size": 131072,
}  # fmt: skip

PUBLISHED_MAMBA: dict[str, dict[str, Any]] = {
    "granite-4.0-h-small": _GRANITE | {
        "attention_multiplier": 0.0078125, "hidden_size": 4096, "intermediate_size": 768, "layer_types": _HYBRID,
        "logits_scaling": 16, "mamba_n_heads": 128, "num_attention_heads": 32, "num_experts_per_tok": 10,
        "num_key_value_heads": 8, "num_local_experts": 72, "position_embedding_type": "nope",
        "shared_intermediate_size": 1536,
    },
    "granite-4.0-micro": _GRANITE | {
        "attention_multiplier": 0.015625, "hidden_size": 2560, "intermediate_size": 8192,
        "layer_types": ["attention"] * 40, "logits_scaling": 10, "mamba_n_heads": 80, "num_attention_heads": 40,
        "num_experts_per_tok": 0, "num_key_value_heads": 8, "num_local_experts": 0, "position_embedding_type": "rope",
        "rope_theta": 10000000, "shared_intermediate_size": 8192,
    },
    "Falcon-H1-0.5B-Instruct": _FALCON | {
        "attention_out_multiplier": 0.9375, "embedding_multiplier": 5.656854249492381, "head_dim": 64,
        "hidden_size": 1024, "intermediate_size": 2048, "key_multiplier": 0.390625, "lm_head_multiplier": 0.0390625,
        "mamba_d_ssm": 1536, "mamba_d_state": 128, "mamba_n_heads": 24, "max_position_embeddings": 16384,
        "mlp_multipliers": [0.8838834764831844, 0.5859375], "num_attention_heads": 8, "num_hidden_layers": 36,
        "num_key_value_heads": 2, "ssm_in_multiplier": 1.25, "ssm_out_multiplier": 0.23570226039551587,
        "ssm_multipliers": [0.3535533905932738, 0.25, 0.3535533905932738, 0.5, 0.3535533905932738],
        "vocab_size": 32784,
    },
    "Falcon-H1-7B-Instruct": _FALCON | {
        "attention_out_multiplier": 0.5, "embedding_multiplier": 5.656854249492381, "head_dim": 128,
        "hidden_size": 3072, "intermediate_size": 12288, "key_multiplier": 0.5, "lm_head_multiplier": 0.01953125,
        "mamba_d_head": 128, "mamba_d_ssm": 3072, "mamba_d_state": 256, "mamba_n_heads": 24,
        "max_position_embeddings": 262144, "mlp_multipliers": [0.5, 0.25], "num_attention_heads": 12,
        "num_hidden_layers": 44, "num_key_value_heads": 2, "ssm_in_multiplier": 0.5, "ssm_out_multiplier": 0.25,
        "ssm_multipliers": [0.5, 0.5, 0.5, 0.5, 0.5], "vocab_size": 130048,
    },
    "NVIDIA-Nemotron-Nano-9B-v2": _NEMOTRON | {
        "eos_token_id": 12, "hidden_size": 4480, "intermediate_size": 15680, "mamba_head_dim": 80,
        "hybrid_override_pattern": "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-", "mamba_num_heads": 128,
        "max_position_embeddings": 131072, "num_attention_heads": 40, "num_hidden_layers": 56,
        "num_key_value_heads": 8, "num_query_groups": 8, "rms_norm_eps": 1e-05, "time_step_rank": 256,
    },
    "NVIDIA-Nemotron-3-Nano-30B-A3B": _NEMOTRON | {
        "eos_token_id": 2, "hidden_size": 2688, "intermediate_size": 1856, "mamba_head_dim": 64, "mamba_num_heads": 64,
        "hybrid_override_pattern": "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME",
        "mamba_ssm_cache_dtype": "float32",
        "max_position_embeddings": 262144, "moe_intermediate_size": 1856, "moe_shared_expert_intermediate_size": 3712,
        "moe_shared_expert_overlap": True, "n_group": 1, "n_routed_experts": 128, "n_shared_experts": 1,
        "norm_eps": 1e-05, "norm_topk_prob": True, "num_attention_heads": 32, "num_experts_per_tok": 6,
        "num_hidden_layers": 52, "num_key_value_heads": 2, "partial_rotary_factor": 1.0, "rope_theta": 10000,
        "routed_scaling_factor": 2.5, "topk_group": 1,
    },
    "Mamba-Codestral-7B-v0.1": {
        "architectures": ["Mamba2ForCausalLM"], "bos_token_id": 0, "chunk_size": 256, "conv_kernel": 4,
        "eos_token_id": 0, "expand": 2, "head_dim": 64, "hidden_act": "silu", "hidden_size": 4096,
        "initializer_range": 0.1, "layer_norm_epsilon": 1e-05, "model_type": "mamba2", "n_groups": 8,
        "num_heads": 128, "num_hidden_layers": 64, "pad_token_id": 0, "rescale_prenorm_residual": False,
        "residual_in_fp32": True, "rms_norm": True, "state_size": 128, "tie_word_embeddings": False,
        "time_step_floor": 0.0001, "time_step_limit": [0.0, inf], "time_step_max": 0.1, "time_step_min": 0.001,
        "time_step_rank": 256, "transformers_version": "4.44.0.dev0", "use_bias": False, "use_cache": True,
        "use_conv_bias": True, "vocab_size": 32768,
    },
    "mamba-130m-hf": {
        "architectures": ["MambaForCausalLM"], "bos_token_id": 0, "conv_kernel": 4, "d_inner": 1536, "d_model": 768,
        "eos_token_id": 0, "expand": 2, "fused_add_norm": True, "hidden_act": "silu", "hidden_size": 768,
        "initializer_range": 0.1, "intermediate_size": 1536, "layer_norm_epsilon": 1e-05, "model_type": "mamba",
        "n_layer": 24, "num_hidden_layers": 24, "pad_token_id": 0, "pad_vocab_size_multiple": 8,
        "rescale_prenorm_residual": False, "residual_in_fp32": True, "rms_norm": True, "ssm_cfg": {}, "state_size": 16,
        "time_step_floor": 0.0001, "time_step_init_scheme": "random", "time_step_max": 0.1, "time_step_min": 0.001,
        "time_step_rank": 48, "time_step_scale": 1.0, "torch_dtype": "float32", "transformers_version": "4.39.0.dev0",
        "use_bias": False, "use_cache": True, "use_conv_bias": True, "vocab_size": 50280,
    },
}  # fmt: skip
