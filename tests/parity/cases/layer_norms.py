"""Tiny models of families with layer norms. Data only."""

from __future__ import annotations

from tests.parity.cases.case import Case

_LAYER = ("rms_norm_eps",)  # what families with layer norms do not have
_OLD = ("rms_norm_eps", "intermediate_size", "num_key_value_heads")

CASES = [
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
    Case("gptj", "gptj", {"rotary_dim": 12}, _OLD),
    Case(
        "gpt_neo",
        "gpt_neo",
        {"num_layers": 4, "attention_types": [[["global", "local"], 2]], "window_size": 7},
        ("rms_norm_eps", "num_key_value_heads", "num_hidden_layers"),
    ),
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
]
