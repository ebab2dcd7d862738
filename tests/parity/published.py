"""Configs of released checkpoints, whole: what an inert key is, and what it may hold. Data only.

published.json has them as they are in the files, a line each. Of these some are as transformers wrote such a file back
when it had read it, with what it adds to it: gemma-7b, gemma-7b-it, gemma-3-4b-it, gemma-4-31B-it, phi-1_5 and phi-2.
Some lack keys, for their source had left them out: how weights are packed of Qwen1.5-MoE-A2.7B-Chat-GPTQ-Int4, of
Qwen3-Coder-Next-NVFP4 and of dbrx-instruct-4bit, and much of what the parts of the latter say for any model; the
version of transformers of gemma-3-12b-it, Qwen2-VL-2B-Instruct, Qwen3-VL-30B-A3B-Instruct and
Qwen3-Coder-Next-NVFP4, their classes of Qwen2-VL-7B-Instruct, and switches of Mixtral-8x22B-v0.1. Some are of models
that others made of one of these families: gemma4-12b-ltx-v1 is the text encoder of LTX-2.5, phi-tiny-moe-math-lean-sft
was trained from Phi-tiny-MoE-instruct, and gemma-3n-E2B-it and granite-3.2-2b-instruct are Unsloth's.

What stands here and in the files published_*.py was put together from what is known of a checkpoint: each key that it
has, as far as we could see. Of each family from qwen3_moe to granitemoe published.json has two or more files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.parity.published_latent import PUBLISHED_LATENT

_FILES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
FILES = {name: values for name, values in _FILES.items() if "vision_config" not in values}
"""As they are in the files."""
WHOLES = {name: values for name, values in _FILES.items() if name not in FILES}
"""The same, of models that see or hear, too."""

_SWITCHES = {"attention_dropout": 0.0, "initializer_range": 0.02, "torch_dtype": "bfloat16", "use_cache": True}
_SLIDING_3_TO_1 = ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"]

_QWEN_EXPERTS = {
    "decoder_sparse_step": 1, "hidden_act": "silu", "mlp_only_layers": [], "output_router_logits": False,
    "rms_norm_eps": 1e-06, "router_aux_loss_coef": 0.001, "tie_word_embeddings": False, "use_sliding_window": False,
    "vocab_size": 151936,
}  # fmt: skip
_GLM_EXPERTS = {
    "architectures": ["Glm4MoeForCausalLM"], "attention_bias": True, "eos_token_id": [151329, 151336, 151338],
    "hidden_act": "silu", "model_type": "glm4_moe", "n_group": 1, "n_shared_experts": 1, "norm_topk_prob": True,
    "num_attention_heads": 96, "num_experts_per_tok": 8, "num_key_value_heads": 8, "num_nextn_predict_layers": 1,
    "pad_token_id": 151329, "partial_rotary_factor": 0.5, "rms_norm_eps": 1e-05, "rope_scaling": None,
    "rope_theta": 1000000, "tie_word_embeddings": False, "topk_group": 1, "vocab_size": 151552,
}  # fmt: skip
_GEMMA4 = {
    "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 2, "dtype": "bfloat16", "eos_token_id": 1,
    "final_logit_softcapping": 30.0, "global_head_dim": 512, "head_dim": 256,
    "hidden_activation": "gelu_pytorch_tanh", "initializer_range": 0.02, "model_type": "gemma4_text",
    "pad_token_id": 0, "rms_norm_eps": 1e-06, "tie_word_embeddings": True, "use_cache": True, "vocab_size": 262144,
    "rope_parameters": {
        "full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1000000.0, "rope_type": "proportional"},
        "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
    },
}  # fmt: skip

PUBLISHED: dict[str, dict[str, Any]] = {
    "gemma-2b-it": _SWITCHES | {
        "architectures": ["GemmaForCausalLM"], "attention_bias": False, "bos_token_id": 2, "eos_token_id": 1,
        "head_dim": 256, "hidden_act": "gelu", "hidden_activation": None, "hidden_size": 2048,
        "intermediate_size": 16384, "max_position_embeddings": 8192, "model_type": "gemma", "num_attention_heads": 8,
        "num_hidden_layers": 18, "num_key_value_heads": 1, "pad_token_id": 0, "rms_norm_eps": 1e-06,
        "rope_scaling": None, "rope_theta": 10000.0, "transformers_version": "4.38.0.dev0", "vocab_size": 256000,
    },
    "gemma-1.1-7b-it": _SWITCHES | {
        "architectures": ["GemmaForCausalLM"], "attention_bias": False, "bos_token_id": 2, "eos_token_id": 1,
        "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
        "hidden_size": 3072, "intermediate_size": 24576, "max_position_embeddings": 8192, "model_type": "gemma",
        "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 16, "pad_token_id": 0,
        "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "vocab_size": 256000,
    },
    "gemma-2-2b-it": _SWITCHES | {
        "architectures": ["Gemma2ForCausalLM"], "attention_bias": False, "attn_logit_softcapping": 50.0,
        "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 107],
        "final_logit_softcapping": 30.0, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304, "intermediate_size": 9216,
        "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 8, "num_hidden_layers": 26,
        "num_key_value_heads": 4, "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
        "rope_theta": 10000.0, "sliding_window": 4096, "vocab_size": 256000,
    },
    "gemma-2-27b-it": _SWITCHES | {
        "_attn_implementation": "eager", "architectures": ["Gemma2ForCausalLM"], "attention_bias": False,
        "attn_logit_softcapping": 50.0, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 107],
        "final_logit_softcapping": 30.0, "head_dim": 128, "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 4608, "intermediate_size": 36864,
        "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 32, "num_hidden_layers": 46,
        "num_key_value_heads": 16, "pad_token_id": 0, "query_pre_attn_scalar": 144, "rms_norm_eps": 1e-06,
        "rope_theta": 10000.0, "sliding_window": 4096, "sliding_window_size": 4096, "vocab_size": 256000,
    },
    "Ministral-3-8B-Instruct, its text model": _SWITCHES | {
        "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336,
        "max_position_embeddings": 262144, "model_type": "ministral3", "num_attention_heads": 32,
        "num_hidden_layers": 34, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "sliding_window": None,
        "vocab_size": 131072, "tie_word_embeddings": False,
        "rope_parameters": {
            "beta_fast": 32.0, "beta_slow": 1.0, "factor": 16.0, "llama_4_scaling_beta": 0.1, "mscale": 1.0,
            "mscale_all_dim": 1.0, "original_max_position_embeddings": 16384, "rope_theta": 1000000.0,
            "rope_type": "yarn", "type": "yarn",
        },
    },
    "granite-3.1-2b-instruct": _SWITCHES | {
        "architectures": ["GraniteForCausalLM"], "attention_bias": False, "attention_dropout": 0.1,
        "attention_multiplier": 0.015625, "bos_token_id": 0, "embedding_multiplier": 12.0, "eos_token_id": 0,
        "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 8192, "logits_scaling": 8.0,
        "max_position_embeddings": 131072, "mlp_bias": False, "model_type": "granite", "num_attention_heads": 32,
        "num_hidden_layers": 40, "num_key_value_heads": 8, "pad_token_id": 0, "residual_multiplier": 0.22,
        "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 5000000.0, "tie_word_embeddings": True,
        "vocab_size": 49155,
    },
    "OLMo-2-0425-1B-Instruct": _SWITCHES | {
        "architectures": ["Olmo2ForCausalLM"], "attention_bias": False, "eos_token_id": 100257, "hidden_act": "silu",
        "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 4096, "model_type": "olmo2",
        "num_attention_heads": 16, "num_hidden_layers": 16, "num_key_value_heads": 16, "pad_token_id": 100277,
        "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 500000, "tie_word_embeddings": False,
        "vocab_size": 100352,
    },
    "OLMo-2-0325-32B-Instruct": _SWITCHES | {
        "architectures": ["Olmo2ForCausalLM"], "attention_bias": False, "eos_token_id": 100257, "hidden_act": "silu",
        "hidden_size": 5120, "intermediate_size": 27648, "max_position_embeddings": 4096, "model_type": "olmo2",
        "num_attention_heads": 40, "num_hidden_layers": 64, "num_key_value_heads": 8, "pad_token_id": 100277,
        "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 500000, "tie_word_embeddings": False,
        "vocab_size": 100352,
    },
    "Olmo-3-7B-Instruct": _SWITCHES | {
        "architectures": ["Olmo3ForCausalLM"], "attention_bias": False, "eos_token_id": 100257, "hidden_act": "silu",
        "hidden_size": 4096, "intermediate_size": 11008, "layer_types": _SLIDING_3_TO_1 * 8,
        "max_position_embeddings": 65536, "model_type": "olmo3", "num_attention_heads": 32, "num_hidden_layers": 32,
        "num_key_value_heads": 32, "pad_token_id": 100277, "rms_norm_eps": 1e-06,
        "rope_scaling": {
            "attention_factor": 1.2079441541679836, "beta_fast": 32.0, "beta_slow": 1.0, "factor": 8.0,
            "original_max_position_embeddings": 8192, "rope_type": "yarn",
        },
        "rope_theta": 500000, "sliding_window": 4096, "tie_word_embeddings": False, "vocab_size": 100278,
    },
    "glm-4-9b-chat-hf": _SWITCHES | {
        "architectures": ["GlmForCausalLM"], "attention_bias": True, "eos_token_id": [151329, 151336, 151338],
        "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 13696,
        "max_position_embeddings": 131072, "model_type": "glm", "num_attention_heads": 32, "num_hidden_layers": 40,
        "num_key_value_heads": 2, "pad_token_id": 151329, "partial_rotary_factor": 0.5, "rms_norm_eps": 1.5625e-07,
        "rope_theta": 10000.0, "tie_word_embeddings": False, "vocab_size": 151552,
    },
    "GLM-4-32B-0414": _SWITCHES | {
        "architectures": ["Glm4ForCausalLM"], "attention_bias": False, "eos_token_id": [151329, 151336, 151338],
        "head_dim": 128, "hidden_act": "silu", "hidden_size": 6144, "intermediate_size": 23040,
        "max_position_embeddings": 32768, "model_type": "glm4", "num_attention_heads": 48, "num_hidden_layers": 61,
        "num_key_value_heads": 2, "pad_token_id": 151329, "partial_rotary_factor": 0.5, "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0, "tie_word_embeddings": False, "vocab_size": 151552,
    },
    "Seed-OSS-36B-Instruct": _SWITCHES | {
        "architectures": ["SeedOssForCausalLM"], "attention_bias": True, "attention_dropout": 0.1,
        "attention_out_bias": False, "bos_token_id": 0, "eos_token_id": 2, "head_dim": 128, "hidden_act": "silu",
        "hidden_size": 5120, "intermediate_size": 27648, "max_position_embeddings": 524288, "mlp_bias": False,
        "model_type": "seed_oss", "num_attention_heads": 80, "num_hidden_layers": 64, "num_key_value_heads": 8,
        "pad_token_id": 1, "residual_dropout": 0.1, "rms_norm_eps": 1e-06, "rope_scaling": {"rope_type": "default"},
        "rope_theta": 10000000.0, "tie_word_embeddings": False, "vocab_size": 155136,
    },
    "ERNIE-4.5-0.3B-PT": {
        "architectures": ["Ernie4_5_ForCausalLM"],
        "auto_map": {"AutoModelForCausalLM": "modeling_ernie4_5.Ernie4_5_ForCausalLM"}, "bos_token_id": 1,
        "eos_token_id": 2, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024, "intermediate_size": 3072,
        "max_position_embeddings": 131072, "model_type": "ernie4_5", "num_attention_heads": 16,
        "num_hidden_layers": 18, "num_key_value_heads": 2, "pad_token_id": 0, "rms_norm_eps": 1e-05,
        "rope_theta": 500000, "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_bias": False,
        "use_cache": False, "vocab_size": 103424,
    },
    "EXAONE-4.0-1.2B": _SWITCHES | {
        "architectures": ["Exaone4ForCausalLM"], "bos_token_id": 1, "eos_token_id": 361, "head_dim": 64,
        "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 4096, "layer_types": ["full_attention"] * 30,
        "max_position_embeddings": 65536, "model_type": "exaone4", "num_attention_heads": 32, "num_hidden_layers": 30,
        "num_key_value_heads": 8, "pad_token_id": 0, "rms_norm_eps": 1e-05,
        "rope_scaling": {
            "factor": 16.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
        "rope_theta": 1000000, "sliding_window": None, "sliding_window_pattern": None, "tie_word_embeddings": True,
        "vocab_size": 102400,
    },
    "EXAONE-4.0-32B": _SWITCHES | {
        "architectures": ["Exaone4ForCausalLM"], "bos_token_id": 1, "cache_implementation": "hybrid",
        "eos_token_id": 361, "head_dim": 128, "hidden_act": "silu", "hidden_size": 5120, "intermediate_size": 27392,
        "layer_types": _SLIDING_3_TO_1 * 16, "max_position_embeddings": 131072, "model_type": "exaone4",
        "num_attention_heads": 40, "num_hidden_layers": 64, "num_key_value_heads": 8, "pad_token_id": 0,
        "rms_norm_eps": 1e-05,
        "rope_scaling": {
            "factor": 16.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
        "rope_theta": 1000000, "sliding_window": 4096, "sliding_window_pattern": "LLLG",
        "tie_word_embeddings": False, "vocab_size": 102400,
    },
    "Hunyuan-7B-Instruct": _SWITCHES | {
        "architectures": ["HunYuanDenseV1ForCausalLM"], "attention_bias": False, "attention_dropout": 0.1,
        "attention_head_dim": 128, "bos_token_id": 127958, "eod_token_id": 127967, "eos_token_id": 127960,
        "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336,
        "max_position_embeddings": 32768, "mlp_bias": False, "model_type": "hunyuan_v1_dense", "norm_type": "rms",
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "pad_token_id": 127961,
        "pretraining_tp": 1, "rms_norm_eps": 1e-05,
        "rope_scaling": {
            "alpha": 1000.0, "beta_fast": 32, "beta_slow": 1, "factor": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
            "type": "dynamic",
        },
        "rope_theta": 10000.0, "tie_word_embeddings": True, "use_cla": False, "use_qk_norm": True,
        "vocab_size": 128167,
    },
    "helium-1-2b": _SWITCHES | {
        "architectures": ["HeliumForCausalLM"], "attention_bias": False, "bos_token_id": 1, "eos_token_id": 2,
        "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 8192,
        "max_position_embeddings": 4096, "mlp_bias": False, "model_type": "helium", "num_attention_heads": 16,
        "num_hidden_layers": 28, "num_key_value_heads": 8, "pad_token_id": 3, "rms_norm_eps": 1e-08,
        "rope_theta": 20000.0, "tie_word_embeddings": False, "vocab_size": 64000,
    },
    "Qwen3-Coder-30B-A3B-Instruct": _SWITCHES | _QWEN_EXPERTS | {
        "architectures": ["Qwen3MoeForCausalLM"], "attention_bias": False, "eos_token_id": 151645, "head_dim": 128,
        "hidden_size": 2048, "intermediate_size": 5472, "max_position_embeddings": 262144, "max_window_layers": 28,
        "model_type": "qwen3_moe", "moe_intermediate_size": 768, "norm_topk_prob": True, "num_attention_heads": 32,
        "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48, "num_key_value_heads": 4,
        "qkv_bias": False, "rope_scaling": None, "rope_theta": 10000000, "shared_expert_intermediate_size": 0,
        "sliding_window": None, "use_qk_norm": True,
    },
    "Qwen1.5-MoE-A2.7B-Chat": _SWITCHES | _QWEN_EXPERTS | {
        "architectures": ["Qwen2MoeForCausalLM"], "bos_token_id": 151643, "eos_token_id": 151645,
        "hidden_size": 2048, "intermediate_size": 5632, "max_position_embeddings": 8192, "max_window_layers": 21,
        "model_type": "qwen2_moe", "moe_intermediate_size": 1408, "norm_topk_prob": False, "num_attention_heads": 16,
        "num_experts": 60, "num_experts_per_tok": 4, "num_hidden_layers": 24, "num_key_value_heads": 16,
        "rope_theta": 1000000.0, "shared_expert_intermediate_size": 5632, "sliding_window": 32768,
    },
    "Qwen2-57B-A14B-Instruct": _SWITCHES | _QWEN_EXPERTS | {
        "architectures": ["Qwen2MoeForCausalLM"], "bos_token_id": 151643, "eos_token_id": 151645,
        "hidden_size": 3584, "intermediate_size": 18944, "max_position_embeddings": 32768, "max_window_layers": 28,
        "model_type": "qwen2_moe", "moe_intermediate_size": 2560, "norm_topk_prob": False, "num_attention_heads": 28,
        "num_experts": 64, "num_experts_per_tok": 8, "num_hidden_layers": 28, "num_key_value_heads": 4,
        "rope_theta": 1000000.0, "shared_expert_intermediate_size": 20480, "sliding_window": 65536,
    },
    "OLMoE-1B-7B-0924-Instruct": _SWITCHES | {
        "architectures": ["OlmoeForCausalLM"], "attention_bias": False, "clip_qkv": None, "eos_token_id": 50279,
        "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 1024, "max_position_embeddings": 4096,
        "model_type": "olmoe", "norm_topk_prob": False, "num_attention_heads": 16, "num_experts": 64,
        "num_experts_per_tok": 8, "num_hidden_layers": 16, "num_key_value_heads": 16, "output_router_logits": False,
        "pad_token_id": 1, "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0,
        "router_aux_loss_coef": 0.01, "tie_word_embeddings": False, "vocab_size": 50304,
    },
    "ERNIE-4.5-21B-A3B-PT": _SWITCHES | {
        "architectures": ["Ernie4_5_MoeForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
        "hidden_size": 2560, "intermediate_size": 12288, "max_position_embeddings": 131072,
        "model_type": "ernie4_5_moe", "moe_capacity": [64, 64, 64], "moe_gate": "topk", "moe_intermediate_size": 1536,
        "moe_k": 6, "moe_layer_interval": 1, "moe_layer_start_index": 1, "moe_num_experts": 64,
        "moe_num_shared_experts": 2, "moe_use_aux_free": True, "num_attention_heads": 20, "num_hidden_layers": 28,
        "num_key_value_heads": 4, "num_nextn_predict_layers": 0, "pad_token_id": 0, "rms_norm_eps": 1e-05,
        "rope_theta": 500000, "tie_word_embeddings": True, "use_bias": False, "vocab_size": 103424,
    },
    "GLM-4.5-Air": _SWITCHES | _GLM_EXPERTS | {
        "first_k_dense_replace": 1, "head_dim": 128, "hidden_size": 4096, "intermediate_size": 10944,
        "max_position_embeddings": 131072, "moe_intermediate_size": 1408, "n_routed_experts": 128,
        "num_hidden_layers": 46, "routed_scaling_factor": 1.0, "use_qk_norm": False,
    },
    "GLM-4.6": _SWITCHES | _GLM_EXPERTS | {
        "first_k_dense_replace": 3, "head_dim": 128, "hidden_size": 5120, "intermediate_size": 12288,
        "max_position_embeddings": 202752, "moe_intermediate_size": 1536, "n_routed_experts": 160,
        "num_hidden_layers": 92, "routed_scaling_factor": 2.5, "use_qk_norm": True,
    },
    "gemma-4-E2B-it, its text model": _GEMMA4 | {
        "attention_k_eq_v": False, "enable_moe_block": False, "hidden_size": 1536, "hidden_size_per_layer_input": 256,
        "intermediate_size": 6144, "layer_types": [*["sliding_attention"] * 4, "full_attention"] * 7,
        "max_position_embeddings": 131072, "moe_intermediate_size": None, "num_attention_heads": 8,
        "num_experts": None, "num_global_key_value_heads": None, "num_hidden_layers": 35, "num_key_value_heads": 1,
        "num_kv_shared_layers": 20, "sliding_window": 512, "top_k_experts": None, "use_double_wide_mlp": True,
        "use_bidirectional_attention": None, "vocab_size_per_layer_input": 262144,
    },
    "gemma-4-26B-A4B-it, its text model": _GEMMA4 | {
        "attention_k_eq_v": True, "enable_moe_block": True, "hidden_size": 2816, "hidden_size_per_layer_input": 0,
        "intermediate_size": 2112, "layer_types": [*["sliding_attention"] * 5, "full_attention"] * 5,
        "max_position_embeddings": 262144, "moe_intermediate_size": 704, "num_attention_heads": 16,
        "num_experts": 128, "num_global_key_value_heads": 2, "num_hidden_layers": 30, "num_key_value_heads": 8,
        "num_kv_shared_layers": 0, "sliding_window": 1024, "top_k_experts": 8, "use_double_wide_mlp": False,
        "use_bidirectional_attention": "vision", "vocab_size_per_layer_input": 262144,
    },
    "gemma-4-12B-it, its text model": _GEMMA4 | {
        "model_type": "gemma4_unified_text", "attention_k_eq_v": True, "hidden_size": 3840,
        "intermediate_size": 15360, "layer_types": [*["sliding_attention"] * 5, "full_attention"] * 8,
        "max_position_embeddings": 262144, "num_attention_heads": 16, "num_global_key_value_heads": 1,
        "num_hidden_layers": 48, "num_key_value_heads": 8, "num_kv_shared_layers": 0, "sliding_window": 1024,
        "use_double_wide_mlp": False, "use_bidirectional_attention": "vision",
    },
    "nanochat-d32": {
        "architectures": ["NanoChatForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 0,
        "dtype": "bfloat16", "eos_token_id": 1, "final_logit_softcapping": 15.0, "hidden_act": "relu2",
        "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 2048,
        "model_type": "nanochat", "num_attention_heads": 16, "num_hidden_layers": 32, "num_key_value_heads": 16,
        "pad_token_id": 1, "rms_norm_eps": 1e-06, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
        "tie_word_embeddings": False, "use_cache": True, "vocab_size": 65536,
    },
    "MiniMax-M2, not in 8 bits": {
        "architectures": ["MiniMaxM2ForCausalLM"], "attention_dropout": 0.0, "attn_type_list": [1] * 62,
        "bos_token_id": None, "eos_token_id": None, "head_dim": 128, "hidden_act": "silu", "hidden_size": 3072,
        "initializer_range": 0.02, "intermediate_size": 1536, "max_position_embeddings": 196608,
        "model_type": "minimax_m2", "mtp_transformer_layers": 1, "num_attention_heads": 48, "num_experts_per_tok": 8,
        "num_hidden_layers": 62, "num_key_value_heads": 8, "num_local_experts": 256, "num_mtp_modules": 3,
        "output_router_logits": False, "qk_norm_type": "per_layer", "rms_norm_eps": 1e-06, "rope_theta": 5000000,
        "rotary_dim": 64, "router_aux_loss_coef": 0.001, "router_jitter_noise": 0.0, "scoring_func": "sigmoid",
        "shared_intermediate_size": 0, "sliding_window": None, "tie_word_embeddings": False, "use_cache": True,
        "use_mtp": True, "use_qk_norm": True, "use_routing_bias": True, "vocab_size": 200064,
    },
    "K-EXAONE-236B-A23B": _SWITCHES | {
        "architectures": ["ExaoneMoeForCausalLM"], "bos_token_id": 1, "eos_token_id": 53, "first_k_dense_replace": 1,
        "head_dim": 128, "hidden_act": "silu", "hidden_size": 6144, "intermediate_size": 18432,
        "layer_types": _SLIDING_3_TO_1 * 12, "max_position_embeddings": 262144, "model_type": "exaone_moe",
        "moe_intermediate_size": 2048, "n_group": 1, "norm_topk_prob": True, "num_attention_heads": 64,
        "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48, "num_key_value_heads": 8,
        "num_shared_experts": 1, "pad_token_id": 0, "rms_norm_eps": 1e-05, "rope_scaling": None,
        "rope_theta": 1000000, "routed_scaling_factor": 2.5, "sliding_window": 128, "sliding_window_pattern": "LLLG",
        "tie_word_embeddings": False, "topk_group": 1, "vocab_size": 153600,
    },
    **PUBLISHED_LATENT,
    "Laguna-XS.2": {
        "architectures": ["LagunaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 2,
        "eos_token_id": [2, 24], "gating": "per-head", "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048,
        "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 131072,
        "layer_types": ["full_attention", *["sliding_attention"] * 3] * 10,
        "mlp_layer_types": ["dense", *["sparse"] * 39], "model_type": "laguna", "moe_intermediate_size": 512,
        "moe_apply_router_weight_on_input": False, "moe_routed_scaling_factor": 2.5,
        "moe_router_logit_softcapping": 0.0, "num_attention_heads": 48,
        "num_attention_heads_per_layer": [48, 64, 64, 64] * 10, "num_experts": 256, "num_experts_per_tok": 8,
        "num_hidden_layers": 40, "num_key_value_heads": 8, "output_router_logits": False, "pad_token_id": 9,
        "rms_norm_eps": 1e-06, "router_aux_loss_coef": 0.0, "shared_expert_intermediate_size": 512,
        "sliding_window": 512, "tie_word_embeddings": False, "use_cache": True, "vocab_size": 100352,
        "rope_parameters": {
            "full_attention": {
                "attention_factor": 1.0, "beta_fast": 64.0, "beta_slow": 1.0, "factor": 32.0,
                "original_max_position_embeddings": 4096, "partial_rotary_factor": 0.5, "rope_theta": 500000.0,
                "rope_type": "yarn",
            },
            "sliding_attention": {"partial_rotary_factor": 1.0, "rope_theta": 10000.0, "rope_type": "default"},
        },
    },
    "MiMo-V2-Flash": _SWITCHES | {
        "add_full_attention_sink_bias": False, "add_swa_attention_sink_bias": True,
        "architectures": ["MiMoV2FlashForCausalLM"], "attention_bias": False, "attention_chunk_size": 128,
        "attention_value_scale": 0.707, "head_dim": 192, "hidden_act": "silu", "hidden_size": 4096,
        "hybrid_block_size": None, "hybrid_layer_pattern": [int(i and i % 6 != 5) for i in range(48)],
        "auto_map": {
            "AutoConfig": "configuration_mimo_v2_flash.MiMoV2FlashConfig",
            "AutoModelForCausalLM": "modeling_mimo_v2_flash.MiMoV2FlashForCausalLM",
        },
        "intermediate_size": 16384, "layernorm_epsilon": 1e-05, "max_position_embeddings": 262144,
        "model_type": "mimo_v2_flash", "moe_intermediate_size": 2048, "moe_layer_freq": [0] + [1] * 47, "n_group": 1,
        "n_routed_experts": 256, "n_shared_experts": None, "norm_topk_prob": True, "num_attention_heads": 64,
        "num_experts_per_tok": 8, "num_hidden_layers": 48, "num_key_value_heads": 4, "partial_rotary_factor": 0.334,
        "rope_theta": 5000000, "routed_scaling_factor": None, "scoring_func": "sigmoid", "sliding_window": 128,
        "sliding_window_size": 128, "swa_head_dim": 192, "swa_num_attention_heads": 64, "swa_num_key_value_heads": 8,
        "swa_rope_theta": 10000, "swa_v_head_dim": 128, "tie_word_embeddings": False, "topk_group": 1,
        "topk_method": "noaux_tc", "v_head_dim": 128, "vocab_size": 152576,
    },
    "Apertus-8B-Instruct-2509": _SWITCHES | {
        "architectures": ["ApertusForCausalLM"], "attention_bias": False, "bos_token_id": 1, "eos_token_id": [68, 72],
        "hidden_act": "xielu", "hidden_dropout": 0.0, "hidden_size": 4096, "intermediate_size": 21504,
        "max_position_embeddings": 65536, "mlp_bias": False, "model_type": "apertus", "num_attention_heads": 32,
        "num_hidden_layers": 32, "num_key_value_heads": 8, "pad_token_id": 3, "post_norm": False, "qk_norm": True,
        "rms_norm_eps": 1e-05, "rope_theta": 12000000, "tie_word_embeddings": False, "vocab_size": 131072,
        "rope_scaling": {
            "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
            "rope_type": "llama3", "type": "llama3",
        },
    },
    "Llama-4-Scout-17B-16E-Instruct, its text model": _SWITCHES | {
        "attention_bias": False, "attention_chunk_size": 8192, "attn_scale": 0.1, "attn_temperature_tuning": True,
        "bos_token_id": 200000, "eos_token_id": [200001, 200007, 200008], "floor_scale": 8192,
        "for_llm_compressor": False, "head_dim": 128, "hidden_act": "silu", "hidden_size": 5120,
        "interleave_moe_layer_step": 1, "intermediate_size": 8192, "intermediate_size_mlp": 16384,
        "max_position_embeddings": 10485760, "model_type": "llama4_text", "no_rope_layers": [],
        "num_attention_heads": 40, "num_experts_per_tok": 1, "num_hidden_layers": 48, "num_key_value_heads": 8,
        "num_local_experts": 16, "output_router_logits": False, "pad_token_id": 200018, "rms_norm_eps": 1e-05,
        "rope_theta": 500000.0, "router_aux_loss_coef": 0.001, "router_jitter_noise": 0.0,
        "tie_word_embeddings": False, "use_qk_norm": True, "vocab_size": 202048,
        "rope_scaling": {
            "factor": 16.0, "high_freq_factor": 1.0, "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3",
        },
    },
    "Phi-mini-MoE-instruct": _SWITCHES | {
        "architectures": ["PhiMoEForCausalLM"], "attention_bias": True, "bos_token_id": 1, "eos_token_id": 32000,
        "hidden_act": "silu", "hidden_dropout": 0.0, "hidden_size": 4096, "input_jitter_noise": 0.01,
        "intermediate_size": 960, "lm_head_bias": True, "max_position_embeddings": 4096, "model_type": "phimoe",
        "num_attention_heads": 32, "num_experts_per_tok": 2, "num_hidden_layers": 32, "num_key_value_heads": 8,
        "num_local_experts": 16, "output_router_logits": False, "rms_norm_eps": 1e-05, "rope_scaling": None,
        "rope_theta": 10000.0, "router_aux_loss_coef": 0.0, "router_jitter_noise": 0.01, "sliding_window": 2047,
        "tie_word_embeddings": False, "vocab_size": 32064,
    },
}  # fmt: skip
