"""Configs of Step's models as their makers published them, as published.py has others. Data only."""

from __future__ import annotations

from typing import Any

_PERIOD = 12  # four layers, of which the first one sees everything; 45 of the model and three for drafting

STEP_3_5_FLASH: dict[str, Any] = {
    "architectures": ["Step3p5ForCausalLM"], "att_impl_type": "GQA", "bos_token_id": 0, "eos_token_id": [1, 2, 128007],
    "attention_other_setting": {
        "attention_type": "sliding_attention", "head_dim": 128, "num_attention_groups": 8, "num_attention_heads": 96,
        "true_head_dim": 128,
    },
    "auto_map": {
        "AutoConfig": "configuration_step3p5.Step3p5Config",
        "AutoModelForCausalLM": "modeling_step3p5.Step3p5ForCausalLM",
    },
    "head_dim": 128, "hidden_size": 4096, "intermediate_size": 11264,
    "layer_types": ["full_attention", *["sliding_attention"] * 3] * _PERIOD, "max_position_embeddings": 262144,
    "max_seq_len": 262144, "model_type": "step3p5", "moe_every_n_layer": 1, "moe_intermediate_size": 1280,
    "moe_layer_offset": 0, "moe_layers_enum": ",".join(map(str, range(3, 45))), "moe_num_experts": 288,
    "moe_router_activation": "sigmoid", "moe_router_scaling_factor": 3.0, "moe_top_k": 8, "need_fp32_gate": True,
    "norm_expert_weight": True, "num_attention_groups": 8, "num_attention_heads": 64, "num_hidden_layers": 45,
    "num_nextn_predict_layers": 3, "partial_rotary_factors": [0.5, 1.0, 1.0, 1.0] * _PERIOD,
    "rope_scaling": {
        "factor": 2.0, "high_freq_factor": 32.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 131072,
        "rope_type": "llama3",
    },
    "rope_theta": [5000000.0, 10000.0, 10000.0, 10000.0] * _PERIOD, "share_expert_dim": 1280, "sink": False,
    "sliding_window": 512, "swiglu_limits": [0.0] * 43 + [7.0, 7.0] + [0.0] * 3,
    "swiglu_limits_shared": [0.0] * 44 + [16.0] + [0.0] * 3, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "use_head_wise_attn_gate": True, "use_moe": True, "use_moe_router_bias": True, "use_qk_norm": True,
    "use_rope_layers": [], "vocab_size": 128896, "yarn_only_types": ["full_attention"], "zero_centered": True,
}  # fmt: skip
STEP_3_7_FLASH: dict[str, Any] = {
    "architectures": ["Step3p7ForConditionalGeneration"], "image_token_id": 128001, "image_token_len": 169,
    "model_type": "step3p7", "patch_token_len": 81, "projector_bias": False, "understand_projector_stride": 2,
    "text_config": STEP_3_5_FLASH,
    "vision_config": {
        "heads": 16, "image_size": 728, "layers": 47, "model_type": "perception_encoder", "patch_size": 14,
        "width": 1536,
    },
}  # fmt: skip
