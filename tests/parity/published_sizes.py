"""Further sizes of families that published.py has one of: what differs in the config of another released model, and how
many parameters that is, in billions, as its makers say. Data only."""

from __future__ import annotations

from typing import Any

from tests.parity.published import FILES, PUBLISHED
from tests.parity.published_more import SIZES

_GEMMA_LAYERS = [*["sliding_attention"] * 5, "full_attention"]

OTHER_SIZES: dict[str, tuple[dict[str, Any], float]] = {
    "Mixtral-8x22B-Instruct-v0.1": (
        FILES["Mixtral-8x7B-v0.1"]
        | {
            "hidden_size": 6144, "intermediate_size": 16384, "max_position_embeddings": 65536,
            "num_attention_heads": 48, "num_hidden_layers": 56, "vocab_size": 32768,
        },
        140.6,
    ),
    "gpt-oss-120b, in bfloat16": (
        PUBLISHED["gpt-oss-20b, in bfloat16"]
        | {
            "layer_types": ["sliding_attention", "full_attention"] * 18, "num_hidden_layers": 36,
            "num_local_experts": 128,
        },
        116.8,
    ),
    "Qwen3-VL-8B-Instruct, its text model": (
        SIZES["Qwen3-VL-2B-Instruct, its text model"]
        | {
            "hidden_size": 4096, "intermediate_size": 12288, "num_attention_heads": 32, "num_hidden_layers": 36,
            "tie_word_embeddings": False,
        },
        8.19,
    ),
    "gemma-3-270m-it": (
        {
            "architectures": ["Gemma3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
            "attn_logit_softcapping": None, "bos_token_id": 2, "eos_token_id": 1, "final_logit_softcapping": None,
            "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 640, "initializer_range": 0.02,
            "intermediate_size": 2048, "layer_types": _GEMMA_LAYERS * 3, "max_position_embeddings": 32768,
            "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 18, "num_key_value_heads": 1,
            "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000.0,
            "rope_scaling": None, "rope_theta": 1000000.0, "sliding_window": 512, "torch_dtype": "bfloat16",
            "use_bidirectional_attention": False, "use_cache": True, "vocab_size": 262144,
        },
        0.268,
    ),
    "Ministral-3-14B-Instruct, its text model": (
        PUBLISHED["Ministral-3-8B-Instruct, its text model"]
        | {"hidden_size": 5120, "intermediate_size": 16384, "num_hidden_layers": 40},
        13.5,
    ),
    "phi-1_5": (
        SIZES["phi-2"]
        | {
            "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24, "num_key_value_heads": None,
            "partial_rotary_factor": 0.5, "resid_pdrop": 0.0,
        },
        1.418,
    ),
    "granite-3.0-3b-a800m-instruct": (
        PUBLISHED["granite-3.0-1b-a400m-instruct"]
        | {
            "hidden_size": 1536, "logits_scaling": 6.0, "num_attention_heads": 24, "num_hidden_layers": 32,
            "num_local_experts": 40,
        },
        3.3,
    ),
    "SmolLM3-3B-Base": (
        PUBLISHED["SmolLM3-3B"] | {"bos_token_id": 128000, "eos_token_id": 128001},
        3.08,
    ),
}  # fmt: skip
