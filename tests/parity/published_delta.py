"""Configs with all keys of released checkpoints that have the gated delta rule. Data only."""

from __future__ import annotations

from typing import Any

THREE_TO_ONE = ["linear_attention"] * 3 + ["full_attention"]
_RULE = {
    "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_num_key_heads": 16,
    "linear_value_head_dim": 128, "full_attention_interval": 4, "head_dim": 256, "hidden_act": "silu",
    "attention_bias": False, "initializer_range": 0.02, "max_position_embeddings": 262144, "rms_norm_eps": 1e-06,
    "use_cache": True, "tie_word_embeddings": False,
}  # fmt: skip
_TEXT = _RULE | {
    "attention_dropout": 0.0, "attn_output_gate": True, "dtype": "bfloat16", "eos_token_id": 248044,
    "mamba_ssm_dtype": "float32", "mtp_num_hidden_layers": 1, "mtp_use_dedicated_embeddings": False,
    "vocab_size": 248320, "rope_parameters": {
        "mrope_interleaved": True, "mrope_section": [11, 11, 10], "rope_type": "default", "rope_theta": 10000000,
        "partial_rotary_factor": 0.25,
    },
}  # fmt: skip
_TEXT_EXPERTS = _TEXT | {
    "model_type": "qwen3_5_moe_text", "num_key_value_heads": 2, "output_router_logits": False,
    "router_aux_loss_coef": 0.001,
}  # fmt: skip
QWEN3_NEXT = _RULE | {
    "architectures": ["Qwen3NextForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
    "decoder_sparse_step": 1, "eos_token_id": 151645, "hidden_size": 2048, "intermediate_size": 5120,
    "linear_num_value_heads": 32, "mlp_only_layers": [], "model_type": "qwen3_next", "moe_intermediate_size": 512,
    "norm_topk_prob": True, "num_attention_heads": 16, "num_experts": 512, "num_experts_per_tok": 10,
    "num_hidden_layers": 48, "num_key_value_heads": 2, "output_router_logits": False, "partial_rotary_factor": 0.25,
    "rope_scaling": None, "rope_theta": 10000000, "router_aux_loss_coef": 0.001,
    "shared_expert_intermediate_size": 512, "torch_dtype": "bfloat16", "transformers_version": "4.57.0.dev0",
    "use_sliding_window": False, "vocab_size": 151936,
}  # fmt: skip


def _seeing(text: dict[str, Any]) -> dict[str, Any]:
    """The config of a model that sees pictures, around that of its text model."""
    return {
        "architectures": ["Qwen3_5ForConditionalGeneration"], "image_token_id": 248056, "video_token_id": 248057,
        "vision_start_token_id": 248053, "vision_end_token_id": 248054, "tie_word_embeddings": False,
        "model_type": text["model_type"].removesuffix("_text"), "text_config": text, "vision_config": {"depth": 27},
    }  # fmt: skip


PUBLISHED_DELTA: dict[str, dict[str, Any]] = {
    "Qwen3-Next-80B-A3B-Instruct": QWEN3_NEXT,
    "Qwen3-Coder-Next": QWEN3_NEXT | {"rope_theta": 5000000, "layer_types": THREE_TO_ONE * 12},
    "Qwen3.8-27B": _seeing(_TEXT | {
        "hidden_size": 5120, "intermediate_size": 17408, "layer_types": THREE_TO_ONE * 16,
        "linear_num_value_heads": 48, "model_type": "qwen3_5_text", "num_attention_heads": 24,
        "num_hidden_layers": 64, "num_key_value_heads": 4, "output_gate_type": "swish",
    }),
    "Qwen3.5-397B-A17B": _seeing(_TEXT_EXPERTS | {
        "hidden_size": 4096, "layer_types": THREE_TO_ONE * 15, "linear_num_value_heads": 64,
        "moe_intermediate_size": 1024, "num_attention_heads": 32, "num_experts": 512, "num_experts_per_tok": 10,
        "num_hidden_layers": 60, "shared_expert_intermediate_size": 1024,
    }),
}  # fmt: skip
