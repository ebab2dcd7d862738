"""Seed-OSS. The norm behind attention is the one that the feed-forward layer reads."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.values import attention_biased, biased, dense
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """It is called like one behind attention."""
    return plain_names(m, spec) | {OURS + "ffn_norm": BLOCK + "post_attention_norm.weight"}


@gguf_architecture("seed_oss", weights=weights)
def seed_oss(m: Metadata) -> dict[str, Any]:
    """Seed-OSS 36B."""
    return dense(m, "seed_oss") | {
        "attention_bias": attention_biased(m),
        "attention_out_bias": biased(m, "attn_output"),
        "mlp_bias": biased(m, "ffn_up"),
    }
