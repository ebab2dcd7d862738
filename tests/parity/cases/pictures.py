"""Tiny models that see pictures, whose text models are families of ours: the parts of their configs. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.parity.cases.case import TINY
from tests.parity.cases.experts import LLAMA4, STEP
from tests.parity.cases.gemma import GEMMA4, GIVEN, KEYS_AS_VALUES, SHARING, UNIFIED

TEXT = {key: value for key, value in TINY.items() if not key.endswith("token_id") and key != "tie_word_embeddings"}
LAST = {"image_token_id": 126, "video_token_id": 127, "vision_start_token_id": 128, "vision_end_token_id": 129}
SEES = {"depth": 1, "num_heads": 2, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2}
SOUNDS = {"image_token_id": 126, "video_token_id": 127, "audio_token_id": 128, "audio_config": None}
YARN = {"factor": 4.0, "original_max_position_embeddings": 8}


@dataclass(frozen=True)
class Pictures:
    """A tiny multimodal model of transformers."""

    name: str
    text: dict[str, Any]
    vision: dict[str, Any]
    whole: dict[str, Any]


def _mrope(*sections: int, **more: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": list(sections), **more}}


_HYBRID = _mrope(4, 4, 4, mrope_interleaved=True, partial_rotary_factor=0.5) | {
    "num_hidden_layers": 3,
    "rms_norm_eps": 1e-3,
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    "head_dim": 24,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 12,
    "linear_value_head_dim": 20,
}
_SEES_WITH_PLACES = SEES | {
    "hidden_size": 32,
    "out_hidden_size": 64,
    "intermediate_size": 32,
    "num_position_embeddings": 16,
}
MODELS = [
    Pictures(
        "qwen2_vl",
        _mrope(2, 3, 3),
        SEES | {"embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2},
        LAST,
    ),
    Pictures(
        "qwen2_5_vl",
        _mrope(2, 3, 3) | {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1},
        SEES | {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 32, "fullatt_block_indexes": [0]},
        LAST | {"tie_word_embeddings": True},
    ),
    Pictures(
        "qwen3_vl",
        _mrope(4, 4, 4, mrope_interleaved=True) | {"head_dim": 24},
        SEES
        | {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 32, "deepstack_visual_indexes": [0]}
        | {"num_position_embeddings": 16},
        LAST,
    ),
    Pictures(
        "qwen3_vl_moe",
        _mrope(4, 4, 4, mrope_interleaved=True)
        | {"head_dim": 24, "num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 96}
        | {"mlp_only_layers": [1], "tie_word_embeddings": False},
        SEES
        | {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 32, "deepstack_visual_indexes": [0]}
        | {"num_position_embeddings": 16},
        LAST,
    ),
    Pictures(
        "glm4v",
        _mrope(1, 1, 2, partial_rotary_factor=0.5),
        SEES | {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 32, "image_size": 28},
        {key: value for key, value in LAST.items() if key.startswith(("image", "video"))},
    ),
    Pictures(
        "muse_glimmer",
        {
            "num_hidden_layers": 4,
            "head_dim": 24,
            "num_key_value_heads": 1,
            "sliding_window": 7,
            "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
            "layer_rope_theta": [1e4, 1e4, 0, 0],
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
            "output_multiplier": 0.8,
            "final_logit_softcapping": 5.0,
        },
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32},
        {"image_token_id": 126, "video_token_id": 127, "out_hidden_size": 128, "projector_hidden_size": 32},
    ),
    Pictures(
        "mistral3",
        {
            "model_type": "ministral3",
            "head_dim": 24,
            "rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "llama_4_scaling_beta": 0.3, **YARN},
        },
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "patch_size": 14}
        | {"image_size": 28, "head_dim": 16},
        {"image_token_index": 126, "tie_word_embeddings": False},
    ),
    Pictures(
        "llama4",
        LLAMA4 | {"no_rope_layers": [1, 0, 1, 1], "floor_scale": 8, "attn_scale": 0.3},
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64, "image_size": 28}
        | {"patch_size": 14, "vision_output_dim": 32, "projector_input_dim": 32, "projector_output_dim": 32},
        {"image_token_index": 126, "boi_token_index": 127, "eoi_token_index": 128},
    ),
    Pictures(
        "step3p7",
        STEP | {"model_type": "step3p5"},
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_ratio": 2.0, "image_size": 28}
        | {"max_position_embeddings": 4},
        {"image_token_id": 126},
    ),
    Pictures(
        "gemma4",
        GEMMA4 | SHARING | GIVEN,
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16}
        | {"intermediate_size": 32, "position_embedding_size": 16},
        SOUNDS,
    ),
    Pictures(
        "gemma4_unified",
        UNIFIED | KEYS_AS_VALUES,
        {"mm_embed_dim": 64, "mm_posemb_size": 16, "output_proj_dims": 64},
        SOUNDS,
    ),
    Pictures(
        "qwen3_5", _HYBRID | {"tie_word_embeddings": True}, _SEES_WITH_PLACES, LAST | {"tie_word_embeddings": True}
    ),
    Pictures(
        "qwen3_5_moe",
        _HYBRID
        | {"num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
        | {"shared_expert_intermediate_size": 40},
        _SEES_WITH_PLACES,
        LAST,
    ),
]
