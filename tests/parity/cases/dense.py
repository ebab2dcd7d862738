"""Tiny models of families whose layers are Llama's, or nearly so. Data only."""

from __future__ import annotations

from typing import Any

from tests.parity.cases.case import LLAMA3, YARN, Case, rope


def _long(**numbers: Any) -> dict[str, Any]:
    """Rotations that differ by the length of the sequence, of which three quarters of a head of 16 turn."""
    short, long = [1.0 + 0.1 * i for i in range(6)], [1.5 + 0.7 * i for i in range(6)]
    turns = rope("longrope", partial_rotary_factor=0.75, short_factor=short, long_factor=long, **numbers)
    return turns | {"original_max_position_embeddings": 24}


_LONG = _long()
_MINISTRAL3 = {
    "head_dim": 24,
    **rope(
        "yarn",
        **YARN | {"original_max_position_embeddings": 8},
        mscale=1.0,
        mscale_all_dim=1.0,
        llama_4_scaling_beta=0.3,
    ),
}
_MULTIPLIERS = {
    "embedding_multiplier": 3.0,
    "attention_multiplier": 0.2,
    "residual_multiplier": 0.6,
    "logits_scaling": 0.7,
}
_SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]
_OLMO3_ROPES = {
    "full_attention": {"rope_type": "yarn", "rope_theta": 5e5, **YARN},
    "sliding_attention": {"rope_type": "default", "rope_theta": 5e5},
}
_ALPHA = rope("dynamic", alpha=20.0, factor=1.0, beta_fast=32, beta_slow=1, mscale=1.0, mscale_all_dim=0.0)

CASES = [
    Case("llama", "llama"),
    Case("llama, a key head per query head", "llama", {"num_key_value_heads": 4}),
    Case("llama, one key head", "llama", {"num_key_value_heads": 1}),
    Case("llama, groups of three", "llama", {"num_attention_heads": 6, "num_key_value_heads": 2, "hidden_size": 96}),
    Case("llama, biases", "llama", {"attention_bias": True, "mlp_bias": True}),
    Case("llama, own head_dim", "llama", {"head_dim": 24}),
    Case("llama, tied head", "llama", {"tie_word_embeddings": True}),
    Case("llama, other theta and eps", "llama", rope("default", rope_theta=500.0) | {"rms_norm_eps": 0.5}),
    Case("llama, gelu", "llama", {"hidden_act": "gelu"}),
    Case("llama, gelu by tanh", "llama", {"hidden_act": "gelu_pytorch_tanh"}),
    Case("llama, linear rope", "llama", rope("linear", factor=3.0)),
    Case("llama, dynamic rope", "llama", rope("dynamic", factor=2.5) | {"max_position_embeddings": 24}),
    Case("llama, llama3 rope", "llama", rope("llama3", **LLAMA3)),
    Case("llama, yarn rope", "llama", rope("yarn", **YARN)),
    Case(
        "llama, yarn with betas",
        "llama",
        {"head_dim": 32}
        | rope("yarn", factor=4.0, original_max_position_embeddings=64, beta_fast=4.0, beta_slow=0.5, truncate=False),
    ),
    Case("llama, yarn with mscale", "llama", rope("yarn", **YARN, mscale=1.5, mscale_all_dim=0.6)),
    Case("llama, yarn with attention factor", "llama", rope("yarn", **YARN, attention_factor=1.7)),
    Case("phi3", "phi3", {"original_max_position_embeddings": 128}),
    Case("phi3, window and uneven heads", "phi3", {"sliding_window": 7, "num_attention_heads": 8}),
    Case("phi3, half of each head turns", "phi3", rope("default", partial_rotary_factor=0.5)),
    Case("phi3, long texts", "phi3", _LONG | {"max_position_embeddings": 128}),
    Case("phi3, long texts, all short", "phi3", _LONG | {"original_max_position_embeddings": 100}),
    Case("phi3, long texts with a factor for scores", "phi3", _long(attention_factor=1.6)),
    Case("ministral3", "ministral3", _MINISTRAL3),
    Case("ministral3, window, tied", "ministral3", _MINISTRAL3 | {"sliding_window": 9, "tie_word_embeddings": True}),
    Case("smollm3", "smollm3", {"num_hidden_layers": 4, "tie_word_embeddings": True}),
    Case(
        "smollm3, layers by a list, biases",
        "smollm3",
        {"no_rope_layers": [0, 1, 0], "attention_bias": True, "mlp_bias": True},
    ),
    Case(
        "smollm3, what does not turn slides",
        "smollm3",
        {"no_rope_layer_interval": 2, "use_sliding_window": True, "sliding_window": 7},
    ),
    Case("smollm3, nothing turns", "smollm3", {"no_rope_layers": [0, 0, 0]}),
    Case("granite", "granite", _MULTIPLIERS),
    Case("granite, tied, biases", "granite", _MULTIPLIERS | {"tie_word_embeddings": True, "attention_bias": True}),
    Case("olmo2", "olmo2"),
    Case("olmo2, biases, uneven heads", "olmo2", {"attention_bias": True, "num_key_value_heads": 1}),
    Case("olmo3", "olmo3", {"layer_types": _SLIDING, "sliding_window": 7, "rope_parameters": _OLMO3_ROPES}),
    Case("olmo3, three to one", "olmo3", {"num_hidden_layers": 4, "sliding_window": 6, "attention_bias": True}),
    Case("glm", "glm", {"head_dim": 24}),
    Case("glm, without biases, all of a head turns", "glm", {"attention_bias": False, "partial_rotary_factor": 1.0}),
    Case("glm4", "glm4", {"head_dim": 24, "num_key_value_heads": 1}),
    Case("glm4, tied, a quarter turns", "glm4", {"tie_word_embeddings": True, "partial_rotary_factor": 0.25}),
    Case("seed_oss", "seed_oss", {"head_dim": 24}),
    Case(
        "seed_oss, other biases",
        "seed_oss",
        {"head_dim": 16, "attention_bias": False, "attention_out_bias": True, "mlp_bias": True},
    ),
    Case("ernie4_5", "ernie4_5", {"head_dim": 24, "tie_word_embeddings": True}),
    Case("ernie4_5, biases", "ernie4_5", {"head_dim": 16, "use_bias": True}),
    Case("exaone4", "exaone4", {"layer_types": _SLIDING, "sliding_window": 7}),
    Case("exaone4, no window", "exaone4", {"layer_types": ["full_attention"] * 3, "sliding_window": None}),
    Case("hunyuan", "hunyuan_v1_dense", {"head_dim": 24, **_ALPHA}),
    Case(
        "hunyuan, plain rope, biases, tied",
        "hunyuan_v1_dense",
        {"head_dim": 16, "attention_bias": True, "tie_word_embeddings": True},
    ),
    Case("hunyuan, yarn rope", "hunyuan_v1_dense", {"head_dim": 16} | rope("yarn", **YARN)),
    Case("helium", "helium", {"head_dim": 16}),
    Case("helium, biases", "helium", {"head_dim": 16, "attention_bias": True, "mlp_bias": True}),
    Case("mistral", "mistral", {"sliding_window": 7}),
    Case("mistral, no window", "mistral", {"sliding_window": None}),
    # Not 1: there the sliding cache of transformers keeps everything, and its generate() differs from its forward().
    Case("mistral, window of two", "mistral", {"sliding_window": 2}),
    Case("mistral, own head_dim", "mistral", {"sliding_window": 16, "head_dim": 40, "num_key_value_heads": 1}),
    Case("qwen2", "qwen2"),
    Case("qwen2, tied head", "qwen2", {"tie_word_embeddings": True, "num_key_value_heads": 1}),
    Case(
        "qwen2, upper layers slide",
        "qwen2",
        {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
    ),
    Case(
        "qwen2, layer types",
        "qwen2",
        {
            "use_sliding_window": True,
            "sliding_window": 9,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        },
    ),
    Case("qwen2, window not used", "qwen2", {"use_sliding_window": False, "sliding_window": 6, "max_window_layers": 0}),
    Case("qwen2, yarn rope", "qwen2", rope("yarn", **YARN)),
    Case("qwen3", "qwen3", {"head_dim": 16}),
    Case("qwen3, biases, own head_dim", "qwen3", {"head_dim": 32, "attention_bias": True}),
    Case(
        "qwen3, upper layers slide",
        "qwen3",
        {"head_dim": 16, "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 2},
    ),
    Case(
        "qwen3, tied head, dynamic rope",
        "qwen3",
        {"head_dim": 16, "tie_word_embeddings": True} | rope("dynamic", factor=4.0) | {"max_position_embeddings": 20},
    ),
    Case("arcee", "arcee"),
    Case("arcee, biases, relu", "arcee", {"attention_bias": True, "mlp_bias": True, "hidden_act": "relu"}),
    Case("nanochat", "nanochat", {"final_logit_softcapping": 6.0}),
    Case(
        "nanochat, biases, uneven heads",
        "nanochat",
        {"attention_bias": True, "num_key_value_heads": 1, "tie_word_embeddings": True, "hidden_act": "gelu"},
    ),
    Case("apertus", "apertus", {"hidden_act": "xielu"}),
    Case("apertus, biases, another activation", "apertus", {"attention_bias": True, "hidden_act": "relu2"}),
]
