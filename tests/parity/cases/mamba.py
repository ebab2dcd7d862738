"""Tiny models with mixers of Mamba and Mamba-2, as configs.py has others. Data only.

Groups of heads, widths of states and numbers of taps are uneven; numbers that multiply are far from one.
"""

from __future__ import annotations

from typing import Any

_PLAIN = (  # keys that families without attention do not have
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "rms_norm_eps",
)
_MAMBA2 = {"num_heads": 4, "head_dim": 32, "state_size": 24, "n_groups": 2}
_GRANITE = {
    "num_hidden_layers": 4,
    "layer_types": ["linear_attention", "full_attention", "linear_attention", "full_attention"],
    "mamba_n_heads": 4,
    "mamba_d_state": 24,
    "num_local_experts": 5,
    "num_experts_per_tok": 2,
    "intermediate_size": 32,
    "shared_intermediate_size": 64,
    "embedding_multiplier": 3.0,
    "attention_multiplier": 0.2,
    "residual_multiplier": 0.6,
    "logits_scaling": 0.7,
    "tie_word_embeddings": True,
}
_DENSE = {"num_local_experts": 0, "num_experts_per_tok": 0, "mamba_n_groups": 4, "mamba_d_conv": 3}
_NEMOTRON = {
    "layers_block_type": ["linear_attention", "mlp", "full_attention", "moe", "linear_attention"],
    "head_dim": 24,
    "mamba_num_heads": 6,
    "mamba_head_dim": 32,
    "n_groups": 3,
    "ssm_state_size": 20,
    "intermediate_size": 96,
    "moe_intermediate_size": 32,
    "moe_shared_expert_intermediate_size": 64,
    "n_routed_experts": 6,
    "num_experts_per_tok": 2,
    "routed_scaling_factor": 1.7,
}
_OTHERS = {  # of Nemotron-H: every key that the first case leaves as it is
    "layers_block_type": ["mlp", "moe", "full_attention", "linear_attention", "moe"],
    "moe_latent_size": 40,
    "n_group": 3,
    "topk_group": 2,
    "norm_topk_prob": False,
    "use_bias": True,
    "use_conv_bias": False,
    "conv_kernel": 3,
}
_FALCON = {
    "mamba_d_ssm": 96,
    "mamba_n_heads": 6,
    "mamba_d_state": 24,
    "mamba_n_groups": 2,
    "attention_in_multiplier": 1.3,
    "attention_out_multiplier": 0.8,
    "embedding_multiplier": 2.0,
    "key_multiplier": 0.7,
    "lm_head_multiplier": 0.5,
    "mlp_multipliers": [0.6, 1.4],
    "ssm_in_multiplier": 1.25,
    "ssm_multipliers": [0.5, 0.7, 0.9, 1.2, 1.5],
    "ssm_out_multiplier": 0.7,
}
_NORM = {"mamba_rms_norm": True}
_ONES = {"attention_in_multiplier": 1.0, "ssm_in_multiplier": 1.0}
_BIASES = {"attention_bias": True, "mlp_bias": True, "mamba_proj_bias": True, "projectors_bias": True}
_BAMBA = {
    "num_hidden_layers": 4,
    "mamba_n_heads": 4,
    "mamba_d_state": 24,
    "mamba_n_groups": 2,
    "attn_layer_indices": [1, 3],
}

CASES_MAMBA: list[tuple[str, str, dict[str, Any], tuple[str, ...]]] = [
    ("mamba2", "mamba2", _MAMBA2, _PLAIN),
    (
        "mamba2, biases, three taps, one group, tied",
        "mamba2",
        _MAMBA2
        | {"use_bias": True, "use_conv_bias": False, "conv_kernel": 3, "n_groups": 1, "tie_word_embeddings": True},
        _PLAIN,
    ),
    ("mamba2, three times as wide", "mamba2", _MAMBA2 | {"expand": 3, "num_heads": 12, "head_dim": 16}, _PLAIN),
    ("granite hybrid", "granitemoehybrid", _GRANITE, ()),
    (
        "granite hybrid, dense, positions",
        "granitemoehybrid",
        _GRANITE | _DENSE | {"position_embedding_type": "rope"},
        (),
    ),
    ("granite hybrid, biases", "granitemoehybrid", _GRANITE | {"attention_bias": True, "mamba_proj_bias": True}, ()),
    ("nemotron-h", "nemotron_h", _NEMOTRON, ("rms_norm_eps",)),
    ("nemotron-h, latent experts in groups, biases", "nemotron_h", _NEMOTRON | _OTHERS, ("rms_norm_eps",)),
    ("nemotron-h, biases in feed-forward layers", "nemotron_h", _NEMOTRON | {"mlp_bias": True}, ("rms_norm_eps",)),
    ("falcon-h1", "falcon_h1", _FALCON, ()),
    ("falcon-h1, a norm before the gate", "falcon_h1", _FALCON | _NORM, ()),
    ("falcon-h1, a norm behind the gate", "falcon_h1", _FALCON | _NORM | {"mamba_norm_before_gate": False}, ()),
    ("falcon-h1, biases", "falcon_h1", _FALCON | _ONES | _BIASES | {"mamba_d_ssm": None, "mamba_n_heads": 4}, ()),
    ("bamba", "bamba", _BAMBA, ()),
    ("bamba, biases", "bamba", _BAMBA | {"attention_bias": True, "mlp_bias": True, "mamba_proj_bias": True}, ()),
    ("mamba", "mamba", {"state_size": 12}, _PLAIN),
    (
        "mamba, biases, three taps, another rank",
        "mamba",
        {"use_bias": True, "use_conv_bias": False, "conv_kernel": 3, "time_step_rank": 5, "tie_word_embeddings": False},
        _PLAIN,
    ),
]
