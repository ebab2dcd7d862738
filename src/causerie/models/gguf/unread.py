"""What becomes of the metadata of a GGUF file that its architecture did not read: a key that means arithmetic in any
architecture is refused, for answers would be wrong without it; any other is told in a warning. Knows no architecture.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from causerie.errors import ConfigError, ConfigWarning

_INERT = frozenset(  # what computes no logit of a text
    (
        "vocab_size",  # as many as the embedding has rows
        "pooling_type",  # of embeddings
        "embedding_length_out",
        "tensor_data_layout",  # of the first Llama files
        "rope.scaling.finetuned",
        "decoder_start_token_id",
        "n_deepstack_layers",  # of pictures
        "deepstack_mapping",
        "rope.dimension_sections",  # of pictures; of a text all sections have one position
        "nextn_predict_layers",  # of layers that propose tokens ahead
    )
)
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "attention.causal": (True,),
    "attention.scale": (0.0,),
    "expert_weights_scale": (0.0, 1.0),
    "expert_group_count": (0, 1),
    "expert_group_used_count": (0, 1),
    "logit_scale": (0.0, 1.0),
    "residual_scale": (0.0, 1.0),
    "embedding_scale": (0.0, 1.0),
    "rope.scale_linear": (0.0, 1.0),
    "rope.scaling.factor": (0.0, 1.0),
    "rope.scaling.attn_factor": (1.0,),
    "rope.scaling.type": ("none",),
    "expert_gating_func": (0, 1),  # a softmax
}
_ARITHMETIC = frozenset(  # as the format lists them
    (
        "activation.situ_beta",
        "activation.situ_linear_beta",
        "adapters.count",
        "attn_logit_softcapping",
        "attn_res.block_size",
        "decoder_block_count",
        "embedding_length_per_layer_input",
        "expert_count",
        "expert_used_count",
        "expert_shared_count",
        "expert_group_count",
        "expert_group_used_count",
        "expert_group_scale",
        "expert_latent_length",
        "expert_feed_forward_length",
        "expert_shared_feed_forward_length",
        "expert_chunk_feed_forward_length",
        "expert_weights_norm",
        "experts_per_group",
        "feed_forward_length",
        "final_logit_softcapping",
        "full_attention_interval",
        "hash_layer_count",
        "hidden_activation",
        "interleave_moe_layer_step",
        "leading_dense_block_count",
        "moe_every_n_layers",
        "moe_latent_size",
        "num_loops",
        "rescale_every_n_layers",
        "router_logit_softcapping",
        "swiglu_clamp_exp",
        "swiglu_clamp_shexp",
        "swin_norm",
        "token_shift_count",
        "use_parallel_residual",
        *_NEUTRAL,
    )
)
_ARITHMETIC_GROUPS = ("attention.", "rope.", "ssm.", "kda.", "wkv.", "hyper_connection.", "hrm.", "ple.", "shortconv.")


def judge(unread: Mapping[str, Any], architecture: str, file: str, faults: Sequence[str]) -> None:
    """Refuses what means arithmetic, together with `faults` that were found before, and warns about any other key.
    Raises ConfigError, with everything that is wrong in it."""
    keys = {key.removeprefix(f"{architecture}."): value for key, value in unread.items()}
    loud = {key: value for key, value in keys.items() if key not in _INERT and not _is_neutral(key, value)}
    wrong = {key: value for key, value in loud.items() if key in _ARITHMETIC or key.startswith(_ARITHMETIC_GROUPS)}
    if wrong or faults:
        listed = ", ".join([*faults, *_each(wrong, architecture)])
        raise ConfigError(
            f"{file} asks for what architecture {architecture!r} does not do here: {listed}. Answers would be wrong, "
            "so the model is not loaded. Use the safetensors checkpoint of the same model, or another program."
        )
    if loud:
        warnings.warn(
            f"{file} has metadata that architecture {architecture!r} does not read: "
            f"{', '.join(_each(loud, architecture))}. No known architecture computes anything by it, so it is passed "
            "over.",
            ConfigWarning,
            stacklevel=4,
        )


def _is_neutral(key: str, value: Any) -> bool:
    """Whether it asks for nothing: a neutral value, false, zero or empty."""
    if key in _NEUTRAL:
        return any(type(value) is type(neutral) and value == neutral for neutral in _NEUTRAL[key])
    return not isinstance(value, str) and not bool(len(value) if hasattr(value, "__len__") else value)


def _each(keys: Mapping[str, Any], architecture: str) -> list[str]:
    return [f"'{architecture}.{key}' = {_shown(value)}" for key, value in keys.items()]


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:40] + "…"
