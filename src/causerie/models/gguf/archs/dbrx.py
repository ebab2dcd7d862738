"""DBRX. The norm behind attention is the one that the experts read."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.values import CENTERED, dense
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """It is called like one behind attention."""
    return plain_names(m, spec) | {OURS + "ffn_norm": BLOCK + "attn_output_norm.weight"}


@gguf_architecture("dbrx", weights=weights)
def dbrx(m: Metadata) -> dict[str, Any]:
    """DBRX Base and DBRX Instruct."""
    values = dense(m, "dbrx", "layer_norm_eps", CENTERED)
    count = m.integer("expert_count")
    return values | {
        "attn_config": {
            "kv_n_heads": values.pop("num_key_value_heads"),
            "clip_qkv": m.number("attention.clamp_kqv", 0.0) or None,
        },
        "ffn_config": {
            "ffn_hidden_size": values.pop("intermediate_size"),
            "moe_num_experts": count,
            "moe_top_k": m.integer("expert_used_count", most=count),
        },
    }
