"""Tiny models, one for each feature that a family has, with numbers chosen so that the feature bites. Data only.

Windows are shorter than prompts, contexts shorter than what is read, groups of heads uneven. A new family adds its
cases here and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.parity import configs_gemma4 as gemma4
from tests.parity import configs_more as more
from tests.parity.configs_latent import CASES_LATENT
from tests.parity.configs_mamba import CASES_MAMBA

PROMPT = 44  # tokens: more than every window and original context below

TINY: dict[str, Any] = {
    "vocab_size": 131,
    "hidden_size": 64,
    "intermediate_size": 88,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}


@dataclass(frozen=True)
class Case:
    """A tiny model: TINY with some keys changed."""

    name: str
    family: str
    changes: dict[str, Any] = field(default_factory=dict, hash=False)
    lacks: tuple[str, ...] = ()  # keys of TINY that the family does not have

    @property
    def values(self) -> dict[str, Any]:
        """What the config class of the family is made with."""
        return {key: value for key, value in TINY.items() if key not in self.lacks} | self.changes

    @property
    def dynamic(self) -> bool:
        """Whether its rotations depend on the length of the whole prompt, so that batches differ from single ones."""
        return self.changes.get("rope_parameters", {}).get("rope_type") == "dynamic"


def _rope(rope_type: str, **numbers: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": rope_type, "rope_theta": 10000.0, **numbers}}


_LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
_YARN = {"factor": 4.0, "original_max_position_embeddings": 32}


def _long(**numbers: Any) -> dict[str, Any]:
    """Rotations that differ by the length of the sequence, of which three quarters of a head of 16 turn."""
    short, long = [1.0 + 0.1 * i for i in range(6)], [1.5 + 0.7 * i for i in range(6)]
    rope = _rope("longrope", partial_rotary_factor=0.75, short_factor=short, long_factor=long, **numbers)
    return rope | {"original_max_position_embeddings": 24}


_LONG = _long()
_LAYER = ("rms_norm_eps",)  # what families with layer norms do not have
_OLD = ("rms_norm_eps", "intermediate_size", "num_key_value_heads")
_GEMMA3 = {
    "head_dim": 24,
    "num_hidden_layers": 4,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
    "sliding_window": 7,
    "query_pre_attn_scalar": 24,
    "tie_word_embeddings": True,
}

_QWEN_EXPERTS = {"num_experts": 7, "num_experts_per_tok": 3, "moe_intermediate_size": 32, "intermediate_size": 96}
_SHARED = {"shared_expert_intermediate_size": 160}
_GPT_OSS = {
    "num_local_experts": 5,
    "num_experts_per_tok": 2,
    "intermediate_size": 96,
    "head_dim": 16,
    "sliding_window": 7,
    "swiglu_limit": 0.9,
    "swiglu_alpha": 1.3,
} | _rope("default", rope_theta=2500.0)
_GLM_EXPERTS = {
    "n_routed_experts": 9,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "intermediate_size": 96,
    "routed_scaling_factor": 1.7,
}
_HY3 = {
    "num_experts": 8,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "intermediate_size": 96,
    "head_dim": 24,
    "router_scaling_factor": 1.9,
    "rope_parameters": {"rope_type": "default", "rope_theta": 2500.0},
}
_HYBRID = {
    "num_hidden_layers": 4,
    "rms_norm_eps": 1e-3,  # what a head gives at the first positions may be next to nothing: its norm would be noise
    "layer_types": ["linear_attention", "full_attention", "linear_attention", "linear_attention"],
    "head_dim": 24,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 6,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 20,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
}
_HYBRID_EXPERTS = _HYBRID | {
    "num_hidden_layers": 2,
    "layer_types": ["linear_attention", "full_attention"],
    "num_experts": 7,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 160,
}
_LFM2 = {
    "rms_norm_eps": None,  # norm_eps, here
    "num_hidden_layers": 4,
    "layer_types": ["conv", "full_attention", "conv", "full_attention"],
    "block_multiple_of": 24,
    "tie_word_embeddings": True,
}

_GEMMA = {"head_dim": 24, "tie_word_embeddings": True, "hidden_act": "gelu_pytorch_tanh"}
_GEMMA2 = {
    "head_dim": 24,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "sliding_window": 7,
    "query_pre_attn_scalar": 24,
    "attn_logit_softcapping": 1.5,  # scores are about as large, and logits
    "final_logit_softcapping": 6.0,
    "tie_word_embeddings": True,
}

_MINISTRAL3 = {
    "head_dim": 24,
    **_rope(
        "yarn",
        **_YARN | {"original_max_position_embeddings": 8},
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
    "full_attention": {"rope_type": "yarn", "rope_theta": 5e5, **_YARN},
    "sliding_attention": {"rope_type": "default", "rope_theta": 5e5},
}
_ALPHA = _rope("dynamic", alpha=20.0, factor=1.0, beta_fast=32, beta_slow=1, mscale=1.0, mscale_all_dim=0.0)
_OLMOE = {"num_experts": 6, "num_experts_per_tok": 3, "intermediate_size": 32}
_GRANITE_EXPERTS = {
    "num_local_experts": 5,
    "num_experts_per_tok": 2,
    "intermediate_size": 32,
    "embedding_multiplier": 3.0,
    "attention_multiplier": 0.4,
    "residual_multiplier": 0.7,
    "logits_scaling": 0.6,
}
_ERNIE_EXPERTS = {
    "moe_num_experts": 8,
    "moe_k": 3,
    "moe_intermediate_size": 32,
    "intermediate_size": 96,
    "moe_norm_min": 0.45,
    "tie_word_embeddings": True,
}

CASES = [
    Case("llama", "llama"),
    Case("llama, a key head per query head", "llama", {"num_key_value_heads": 4}),
    Case("llama, one key head", "llama", {"num_key_value_heads": 1}),
    Case("llama, groups of three", "llama", {"num_attention_heads": 6, "num_key_value_heads": 2, "hidden_size": 96}),
    Case("llama, biases", "llama", {"attention_bias": True, "mlp_bias": True}),
    Case("llama, own head_dim", "llama", {"head_dim": 24}),
    Case("llama, tied head", "llama", {"tie_word_embeddings": True}),
    Case("llama, other theta and eps", "llama", _rope("default", rope_theta=500.0) | {"rms_norm_eps": 0.5}),
    Case("llama, gelu", "llama", {"hidden_act": "gelu"}),
    Case("llama, gelu by tanh", "llama", {"hidden_act": "gelu_pytorch_tanh"}),
    Case("llama, linear rope", "llama", _rope("linear", factor=3.0)),
    Case("llama, dynamic rope", "llama", _rope("dynamic", factor=2.5) | {"max_position_embeddings": 24}),
    Case("llama, llama3 rope", "llama", _rope("llama3", **_LLAMA3)),
    Case("llama, yarn rope", "llama", _rope("yarn", **_YARN)),
    Case(
        "llama, yarn with betas",
        "llama",
        {"head_dim": 32}
        | _rope("yarn", factor=4.0, original_max_position_embeddings=64, beta_fast=4.0, beta_slow=0.5, truncate=False),
    ),
    Case("llama, yarn with mscale", "llama", _rope("yarn", **_YARN, mscale=1.5, mscale_all_dim=0.6)),
    Case("llama, yarn with attention factor", "llama", _rope("yarn", **_YARN, attention_factor=1.7)),
    Case("phi3", "phi3", {"original_max_position_embeddings": 128}),
    Case("phi3, window and uneven heads", "phi3", {"sliding_window": 7, "num_attention_heads": 8}),
    Case("phi3, half of each head turns", "phi3", _rope("default", partial_rotary_factor=0.5)),
    Case("phi3, long texts", "phi3", _LONG | {"max_position_embeddings": 128}),
    Case("phi3, long texts, all short", "phi3", _LONG | {"original_max_position_embeddings": 100}),
    Case("phi3, long texts with a factor for scores", "phi3", _long(attention_factor=1.6)),
    Case("gemma", "gemma", _GEMMA),
    Case(
        "gemma, untied, biases, one key head", "gemma", _GEMMA | {"tie_word_embeddings": False, "attention_bias": True}
    ),
    Case("gemma2", "gemma2", _GEMMA2),
    Case("gemma2, only logits are capped", "gemma2", _GEMMA2 | {"attn_logit_softcapping": None}),
    Case(
        "gemma2, only scores are capped, biases",
        "gemma2",
        _GEMMA2 | {"final_logit_softcapping": None, "attention_bias": True, "query_pre_attn_scalar": 40},
    ),
    Case("gemma3", "gemma3_text", _GEMMA3),
    Case(
        "gemma3, untied, biases, other scale",
        "gemma3_text",
        _GEMMA3 | {"tie_word_embeddings": False, "attention_bias": True, "query_pre_attn_scalar": 40},
    ),
    Case(
        "gemma3, slowed down on full layers",
        "gemma3_text",
        _GEMMA3
        | {
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 2500.0},
            }
        },
    ),
    Case("lfm2", "lfm2", _LFM2),
    Case(
        "lfm2, biases, five taps, a wide middle",
        "lfm2",
        _LFM2 | {"conv_bias": True, "conv_L_cache": 5, "block_ffn_dim_multiplier": 1.7, "tie_word_embeddings": False},
    ),
    Case(
        "lfm2, layers by their numbers",
        "lfm2",
        _LFM2 | {"layer_types": None, "full_attn_idxs": [1], "conv_L_cache": 2, "num_key_value_heads": 1},
    ),
    Case(
        "lfm2, attention first, widths as they stand",
        "lfm2",
        _LFM2
        | {
            "layer_types": ["full_attention", "conv", "conv", "conv"],
            "block_auto_adjust_ff_dim": False,
            "norm_eps": 0.3,
        },
    ),
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
    Case("hunyuan, yarn rope", "hunyuan_v1_dense", {"head_dim": 16} | _rope("yarn", **_YARN)),
    Case("helium", "helium", {"head_dim": 16}),
    Case("helium, biases", "helium", {"head_dim": 16, "attention_bias": True, "mlp_bias": True}),
    Case("mistral", "mistral", {"sliding_window": 7}),
    Case("mistral, no window", "mistral", {"sliding_window": None}),
    # Not 1: there the sliding cache of transformers keeps everything, and its generate() differs from its forward().
    Case("mistral, window of two", "mistral", {"sliding_window": 2}),
    Case("mistral, own head_dim", "mistral", {"sliding_window": 16, "head_dim": 40, "num_key_value_heads": 1}),
    Case("mixtral", "mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    Case(
        "mixtral, three of five uneven experts",
        "mixtral",
        {"num_local_experts": 5, "num_experts_per_tok": 3, "intermediate_size": 89, "tie_word_embeddings": True},
    ),
    Case("mixtral, one expert at a time", "mixtral", {"num_local_experts": 3, "num_experts_per_tok": 1}),
    Case("mixtral, all experts", "mixtral", {"num_local_experts": 3, "num_experts_per_tok": 3, "head_dim": 24}),
    Case("mixtral, window", "mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 7}),
    Case("glm4 with experts", "glm4_moe", _GLM_EXPERTS),
    Case(
        "glm4 with experts in groups, norms of heads, biases",
        "glm4_moe",
        _GLM_EXPERTS
        | {"n_group": 3, "topk_group": 2, "use_qk_norm": True, "attention_bias": True, "norm_topk_prob": False},
    ),
    Case(
        "glm4 with experts, two shared, all layers",
        "glm4_moe",
        _GLM_EXPERTS | {"n_shared_experts": 2, "first_k_dense_replace": 0, "partial_rotary_factor": 0.75},
    ),
    Case("olmo with experts", "olmoe", _OLMOE),
    Case(
        "olmo with experts, biases, shares divided",
        "olmoe",
        _OLMOE
        | {"attention_bias": True, "norm_topk_prob": True, "num_key_value_heads": 4, "tie_word_embeddings": True},
    ),
    Case("granite with experts", "granitemoe", _GRANITE_EXPERTS),
    Case("granite with experts, biases", "granitemoe", _GRANITE_EXPERTS | {"attention_bias": True}),
    Case("ernie with experts", "ernie4_5_moe", _ERNIE_EXPERTS),
    Case(
        "ernie with experts, every second layer, none shared",
        "ernie4_5_moe",
        _ERNIE_EXPERTS
        | {
            "moe_layer_interval": 2,
            "moe_num_shared_experts": 0,
            "moe_layer_start_index": 0,
            "tie_word_embeddings": False,
        },
    ),
    Case(
        "ernie with experts, layers from the second to the third",
        "ernie4_5_moe",
        _ERNIE_EXPERTS | {"moe_layer_start_index": 1, "moe_layer_end_index": 2, "num_hidden_layers": 4},
    ),
    Case("hy3", "hy_v3", _HY3),
    Case(
        "hy3, two shared, biases, kinds of layers",
        "hy_v3",
        _HY3
        | {
            "attention_bias": True,
            "mlp_bias": True,
            "num_shared_experts": 2,
            "mlp_layer_types": ["sparse", "dense", "sparse"],
        },
    ),
    Case("gpt-oss", "gpt_oss", _GPT_OSS),
    Case(
        "gpt-oss, slowed down, tied, other kinds of layers",
        "gpt_oss",
        _GPT_OSS
        | _rope("yarn", **_YARN, beta_fast=2.0, beta_slow=0.5, truncate=False)
        | {
            "tie_word_embeddings": True,
            "layer_types": ["full_attention", "full_attention", "sliding_attention"],
            "num_attention_heads": 6,
        },
    ),
    Case("gpt-oss, no biases of attention", "gpt_oss", _GPT_OSS | {"attention_bias": False}),
    Case("qwen2 with experts", "qwen2_moe", _QWEN_EXPERTS | _SHARED),
    Case(
        "qwen2 with experts, shares divided, no biases, dense layers",
        "qwen2_moe",
        _QWEN_EXPERTS | _SHARED | {"norm_topk_prob": True, "qkv_bias": False, "mlp_only_layers": [0]},
    ),
    Case(
        "qwen2 with experts, lower layers slide",
        "qwen2_moe",
        _QWEN_EXPERTS | _SHARED | {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 2},
    ),
    Case("qwen3 with experts", "qwen3_moe", _QWEN_EXPERTS | {"head_dim": 24, "norm_topk_prob": True}),
    Case(
        "qwen3 with experts, shares of all, every second layer, biases",
        "qwen3_moe",
        _QWEN_EXPERTS | {"decoder_sparse_step": 2, "attention_bias": True, "tie_word_embeddings": True},
    ),
    Case(
        "qwen3 with experts, window",
        "qwen3_moe",
        _QWEN_EXPERTS | {"use_sliding_window": True, "sliding_window": 7, "mlp_only_layers": [1]},
    ),
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
    Case("qwen2, yarn rope", "qwen2", _rope("yarn", **_YARN)),
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
        {"head_dim": 16, "tie_word_embeddings": True} | _rope("dynamic", factor=4.0) | {"max_position_embeddings": 20},
    ),
    Case("starcoder2", "starcoder2", {"sliding_window": 7}, _LAYER),
    Case(
        "starcoder2, no biases, untied, other eps",
        "starcoder2",
        {"use_bias": False, "num_key_value_heads": 4, "norm_epsilon": 0.5, "hidden_act": "relu"},
        _LAYER,
    ),
    Case("stablelm", "stablelm", {"head_dim": None}, _LAYER),
    Case(
        "stablelm, one norm for both halves, biases",
        "stablelm",
        {"use_parallel_residual": True, "use_qkv_bias": True, "partial_rotary_factor": 0.5, "layer_norm_eps": 0.1},
        _LAYER,
    ),
    Case("stablelm, normed heads", "stablelm", {"qk_layernorm": True, "layer_norm_eps": 0.1}, _LAYER),
    Case("phi", "phi", {}, _LAYER),
    Case("phi, normed heads", "phi", {"qk_layernorm": True, "partial_rotary_factor": 0.25}, _LAYER),
    Case("nemotron", "nemotron", {}, _LAYER),
    Case(
        "nemotron, biases, whole heads turn",
        "nemotron",
        {"attention_bias": True, "mlp_bias": True, "partial_rotary_factor": 1.0, "head_dim": 24, "norm_eps": 0.1},
        _LAYER,
    ),
    Case("olmo", "olmo", {}, _LAYER),
    Case("olmo, cut off, biases", "olmo", {"clip_qkv": 0.7, "attention_bias": True, "num_key_value_heads": 4}, _LAYER),
    Case("arcee", "arcee"),
    Case("arcee, biases, relu", "arcee", {"attention_bias": True, "mlp_bias": True, "hidden_act": "relu"}),
    Case("cohere", "cohere", {"logit_scale": 0.75}, _LAYER),
    Case(
        "cohere, normed heads, biases, tied",
        "cohere",
        {"use_qk_norm": True, "attention_bias": True, "tie_word_embeddings": True, "logit_scale": 1.5},
        _LAYER,
    ),
    Case("cohere2", "cohere2", {"sliding_window": 7, "num_hidden_layers": 4, "logit_scale": 0.75}, _LAYER),
    Case("gpt_neox", "gpt_neox", {}, ("rms_norm_eps", "num_key_value_heads")),
    Case(
        "gpt_neox, one half after the other, tied, no biases",
        "gpt_neox",
        {
            "use_parallel_residual": False,
            "attention_bias": False,
            "tie_word_embeddings": True,
            "rotary_pct": 0.5,
            "rotary_emb_base": 500,
            "layer_norm_eps": 0.1,
            "hidden_act": "gelu_fast",
        },
        ("rms_norm_eps", "num_key_value_heads"),
    ),
    Case("gpt2", "gpt2", {"tie_word_embeddings": True}, _OLD),
    Case(
        "gpt2, scores by layer, untied, own width",
        "gpt2",
        {"scale_attn_by_inverse_layer_idx": True, "n_inner": 101, "activation_function": "relu", "n_positions": 70},
        (*_OLD, "max_position_embeddings"),
    ),
    Case("gpt2, scores as they are", "gpt2", {"scale_attn_weights": False, "layer_norm_epsilon": 0.1}, _OLD),
    Case("opt", "opt", {"tie_word_embeddings": True, "ffn_dim": 101}, _OLD),
    Case(
        "opt, no biases, no weights in norms",
        "opt",
        {
            "enable_bias": False,
            "layer_norm_elementwise_affine": False,
            "ffn_dim": 101,
            "activation_function": "gelu",
        },
        _OLD,
    ),
    Case("falcon, new", "falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}, _OLD),
    Case(
        "falcon, new, one norm, biases, own width",
        "falcon",
        {
            "new_decoder_architecture": True,
            "num_kv_heads": 4,
            "num_attention_heads": 8,
            "num_ln_in_parallel_attn": 1,
            "bias": True,
            "ffn_hidden_size": 101,
        },
        _OLD,
    ),
    Case("falcon, one key head", "falcon", {"tie_word_embeddings": True, "layer_norm_epsilon": 0.1}, _OLD),
    Case(
        "falcon, one half after the other, slopes",
        "falcon",
        {"alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
        _OLD,
    ),
    Case("bloom", "bloom", {"tie_word_embeddings": True}, _OLD),
    Case("bloom, six heads, untied", "bloom", {"n_head": 6, "hidden_size": 72}, (*_OLD, "num_attention_heads")),
    Case("gemma4", "gemma4_text", gemma4.GEMMA4 | gemma4.SHARING | gemma4.GIVEN | {"use_double_wide_mlp": True}),
    Case("gemma4 with experts", "gemma4_text", gemma4.GEMMA4 | gemma4.EXPERTS | gemma4.KEYS_AS_VALUES),
    Case(
        "gemma4, biases, untied, half of each head turns",
        "gemma4_text",
        gemma4.GEMMA4
        | gemma4.SHARING
        | gemma4.GIVEN
        | {"attention_bias": True, "tie_word_embeddings": False, "rope_parameters": gemma4.ROPES},
    ),
    Case("gemma4_unified", "gemma4_unified_text", gemma4.UNIFIED | gemma4.KEYS_AS_VALUES),
    Case("nanochat", "nanochat", {"final_logit_softcapping": 6.0}),
    Case(
        "nanochat, biases, uneven heads",
        "nanochat",
        {"attention_bias": True, "num_key_value_heads": 1, "tie_word_embeddings": True, "hidden_act": "gelu"},
    ),
    Case("lfm2 with experts", "lfm2_moe", more.LFM2_EXPERTS),
    Case(
        "lfm2 with experts, none dense, no bias of choice, shares not divided",
        "lfm2_moe",
        more.LFM2_EXPERTS
        | {"num_dense_layers": 0, "use_expert_bias": False, "norm_topk_prob": False, "conv_bias": True}
        | {"tie_word_embeddings": False},
    ),
    Case("dbrx", "dbrx", more.DBRX, more.DBRX_LACKS),
    Case(
        "dbrx, shares not divided, one expert at a time",
        "dbrx",
        more.DBRX
        | {
            "attn_config": {"kv_n_heads": 4, "clip_qkv": 2.5, "rope_theta": 2500.0},
            "ffn_config": {
                "moe_num_experts": 3,
                "moe_top_k": 1,
                "ffn_hidden_size": 40,
                "moe_normalize_expert_weights": None,
            },
        },
        more.DBRX_LACKS,
    ),
    Case("minimax", "minimax_m2", more.MINIMAX | _rope("default", partial_rotary_factor=0.5)),
    Case("minimax, rotary_dim, tied", "minimax_m2", more.MINIMAX | {"rotary_dim": 12, "tie_word_embeddings": True}),
    Case("exaone with experts", "exaone_moe", more.EXAONE_EXPERTS),
    Case(
        "exaone with experts in groups, two shared, no window, kinds of layers",
        "exaone_moe",
        more.EXAONE_EXPERTS
        | {
            "num_experts": 9,
            "n_group": 3,
            "topk_group": 2,
            "num_shared_experts": 2,
            "norm_topk_prob": False,
            "layer_types": ["full_attention"] * 4,
            "mlp_layer_types": ["sparse", "dense", "sparse", "dense"],
        },
    ),
    *(Case(name, family, changes) for name, family, changes in CASES_LATENT),
    *(Case(name, family, changes, lacks) for name, family, changes, lacks in CASES_MAMBA),
    Case("qwen3.5", "qwen3_5_text", _HYBRID),
    Case(
        "qwen3.5, every second layer attends, tied, five taps, a quarter turns",
        "qwen3_5_text",
        {
            "num_hidden_layers": 4,
            "rms_norm_eps": 1e-3,
            "full_attention_interval": 2,
            "head_dim": 16,
            "linear_num_key_heads": 3,
            "linear_num_value_heads": 3,
            "linear_key_head_dim": 16,
            "linear_value_head_dim": 16,
            "linear_conv_kernel_dim": 5,
            "tie_word_embeddings": True,
        },
    ),
    Case("qwen3.5 with experts", "qwen3_5_moe_text", _HYBRID_EXPERTS, ("intermediate_size",)),
    Case("qwen3-next", "qwen3_next", _HYBRID_EXPERTS),
    Case(
        "qwen3-next, shares of all, dense layers, one key head",
        "qwen3_next",
        _HYBRID_EXPERTS
        | {"norm_topk_prob": False, "mlp_only_layers": [3], "decoder_sparse_step": 2, "linear_num_key_heads": 1}
        | {"num_hidden_layers": 4, "layer_types": None, "full_attention_interval": 2},
    ),
    Case("lfm3", "lfm3", more.LFM3, ("rms_norm_eps",)),
    Case(
        "lfm3, no gates, no norms after, biases, untied",
        "lfm3",
        more.LFM3
        | {"use_attention_gate": False, "use_sandwich_norm": False, "conv_bias": True, "attention_bias": True}
        | {"tie_word_embeddings": False, "norm_eps": 0.1, "conv_L_cache": 4},
        ("rms_norm_eps",),
    ),
    Case("laguna", "laguna", more.LAGUNA),
    Case(
        "laguna, gates by element, all layers full, slowed down, capped scores",
        "laguna",
        more.LAGUNA
        | {
            "gating": "per-element",
            "layer_types": ["full_attention"] * 3,
            "num_attention_heads_per_layer": None,
            "moe_router_logit_softcapping": 0.7,
            "mlp_layer_types": ["sparse", "dense", "sparse"],
            "attention_bias": True,
            "rope_parameters": more.LAGUNA_SLOWED,
        },
    ),
    Case("apertus", "apertus", {"hidden_act": "xielu"}),
    Case("apertus, biases, another activation", "apertus", {"attention_bias": True, "hidden_act": "relu2"}),
    Case("llama4", "llama4_text", more.LLAMA4 | {"attn_temperature_tuning": False}),
    Case(
        "llama4, queries grow, dense layers, biases, no norms of heads",
        "llama4_text",
        more.LLAMA4
        | {"floor_scale": 8, "attn_scale": 0.3, "interleave_moe_layer_step": 2, "num_experts_per_tok": 2}
        | {"attention_bias": True, "use_qk_norm": False, "tie_word_embeddings": True}
        | _rope("llama3", **_LLAMA3 | {"high_freq_factor": 1.0}),
    ),
    Case("phimoe", "phimoe", more.PHIMOE | {"attention_bias": True, "lm_head_bias": True}),
    Case("phimoe, window, tied", "phimoe", more.PHIMOE | {"sliding_window": 7, "tie_word_embeddings": True}),
    # transformers 5.23 takes the factors of short texts for long ones too; here both are the same.
    Case("phimoe, long texts", "phimoe", more.PHIMOE | more.slowed(1.3, 0.8)),
]
