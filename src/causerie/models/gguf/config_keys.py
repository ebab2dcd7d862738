"""Which keys of a GGUF file's metadata the values are made of that a config.json has: what errors about these values
name. Data; knows no architecture."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.models.config_origin import ConfigOrigin
from causerie.models.gguf.metadata import Metadata

_ADVICE = "Use the safetensors checkpoint of the same model, or another program."
_EXPERTS = ("expert_count",)
_KEYS: Mapping[str, tuple[str, ...]] = {  # of each value, and by its path where others are called alike
    "hidden_size": ("embedding_length",),
    "num_hidden_layers": ("block_count",),
    "max_position_embeddings": ("context_length",),
    "intermediate_size": ("feed_forward_length",),
    "rms_norm_eps": ("attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"),
    "layer_norm_eps": ("attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon"),
    "num_attention_heads": ("attention.head_count",),
    "num_key_value_heads": ("attention.head_count_kv", "attention.head_count"),
    "head_dim": ("attention.key_length", "attention.head_count"),
    "v_head_dim": ("attention.value_length_mla", "attention.value_length"),
    "q_lora_rank": ("attention.q_lora_rank",),
    "kv_lora_rank": ("attention.kv_lora_rank",),
    "sliding_window": ("attention.sliding_window",),
    "layer_types": ("attention.sliding_window_pattern", "full_attention_interval"),
    "rope_theta": ("rope.freq_base",),
    "sliding_attention.rope_theta": ("rope.freq_base_swa", "rope.freq_base"),
    "partial_rotary_factor": ("rope.dimension_count",),
    "sliding_attention.partial_rotary_factor": ("rope.dimension_count_swa", "rope.dimension_count"),
    "rope_type": ("rope.scaling.type",),
    "factor": ("rope.scaling.factor", "rope.scale_linear"),
    "original_max_position_embeddings": ("rope.scaling.original_context_length", "context_length"),
    "beta_fast": ("rope.scaling.yarn_beta_fast",),
    "beta_slow": ("rope.scaling.yarn_beta_slow",),
    "attention_factor": ("rope.scaling.yarn_attn_factor", "rope.scaling.attn_factor"),
    "num_experts": _EXPERTS,
    "num_local_experts": _EXPERTS,
    "n_routed_experts": _EXPERTS,
    "num_experts_per_tok": ("expert_used_count",),
    "n_shared_experts": ("expert_shared_count",),
    "moe_intermediate_size": ("expert_feed_forward_length",),
    "n_group": ("expert_group_count",),
    "topk_group": ("expert_group_used_count",),
    "routed_scaling_factor": ("expert_weights_scale",),
    "first_k_dense_replace": ("leading_dense_block_count",),
    "final_logit_softcapping": ("final_logit_softcapping",),
    "attn_logit_softcapping": ("attn_logit_softcapping",),
    "mamba_n_heads": ("ssm.time_step_rank",),
    "mamba_n_groups": ("ssm.group_count",),
    "mamba_d_state": ("ssm.state_size",),
    "mamba_d_conv": ("ssm.conv_kernel",),
}


def origin_of(m: Metadata) -> ConfigOrigin:
    """A file, with the keys that it has of each value; where it has none, the one that it would have."""
    keys = {ours: next((key for key in theirs if m.has(key)), theirs[0]) for ours, theirs in _KEYS.items()}
    return ConfigOrigin(m.file, _ADVICE, {ours: m.full(key) for ours, key in keys.items()})
