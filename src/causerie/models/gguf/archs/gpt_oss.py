"""gpt-oss. The norm behind attention is the one that the experts read."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.values import alike, attention_biased, dense, window_kinds
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """It is called like one behind attention."""
    return plain_names(m, spec) | {OURS + "ffn_norm": BLOCK + "post_attention_norm.weight"}


@gguf_architecture("gpt-oss", weights=weights)
def gpt_oss(m: Metadata) -> dict[str, Any]:
    """Every second layer slides, the first one does."""
    values = dense(m, "gpt_oss")
    count = m.integer("expert_count")
    turns = values["rope_parameters"]
    return values | {
        "intermediate_size": alike(m, "expert_feed_forward_length"),
        "num_local_experts": count,
        "num_experts_per_tok": m.integer("expert_used_count", most=count),
        "attention_bias": attention_biased(m),
        "sliding_window": m.integer("attention.sliding_window"),
        "layer_types": window_kinds(m, values["num_hidden_layers"], 2),
        "rope_parameters": turns | {"truncate": False} if turns["rope_type"] == "yarn" else turns,
    }
