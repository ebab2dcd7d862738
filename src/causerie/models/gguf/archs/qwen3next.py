"""Qwen3-Next: the gated delta rule, gated attention and experts. Files hold 1 + w of norms, but for the rule's own."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.delta_names import by_head, delta_names, gated_attention_names
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.values import alike, dense, experts
from causerie.models.layer_kinds import FULL, LINEAR
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """What decides how much is written and kept is one tensor."""
    return plain_names(m, spec) | gated_attention_names(spec) | delta_names(spec, in_turns=False) | by_head(spec) | FFN


FFN = {OURS + "ffn_norm": BLOCK + "post_attention_norm.weight"}


@gguf_architecture("qwen3next", weights=weights)
def qwen3next(m: Metadata) -> dict[str, Any]:
    """Qwen3-Next-80B-A3B, Qwen3-Coder-Next."""
    return delta_values(m, "qwen3_next") | expert_values(m)


def delta_values(m: Metadata, model_type: str) -> dict[str, Any]:
    """What all families say that have the rule: layers that the file does not call recurrent attend."""
    values = dense(m, model_type)
    layers, heads, inner = values["num_hidden_layers"], m.integer("ssm.time_step_rank"), m.integer("ssm.inner_size")
    if inner % heads:
        raise m.wrong("ssm.inner_size", inner, f"a multiple of {heads}, because it is divided among {heads} heads")
    key = "attention.recurrent_layers"
    distance = m.integer("full_attention_interval", 4)
    recurrent = [(i + 1) % distance != 0 for i in range(layers)]
    if m.has(key):
        recurrent = m.booleans(key, m.integer("block_count"))[:layers]
    return values | {
        "layer_types": [LINEAR if each else FULL for each in recurrent],
        "linear_conv_kernel_dim": m.integer("ssm.conv_kernel"),
        "linear_key_head_dim": m.integer("ssm.state_size"),
        "linear_num_key_heads": m.integer("ssm.group_count"),
        "linear_num_value_heads": heads,
        "linear_value_head_dim": inner // heads,
    }


def expert_values(m: Metadata) -> dict[str, Any]:
    """Experts, whose shares are divided by their sum, and one that all tokens use."""
    return experts(m) | {
        "moe_intermediate_size": alike(m, "expert_feed_forward_length"),
        "shared_expert_intermediate_size": m.integer("expert_shared_feed_forward_length"),
        "norm_topk_prob": m.boolean("expert_weights_norm", True),
    }
