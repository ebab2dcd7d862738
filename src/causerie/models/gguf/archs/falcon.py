"""Falcon."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.values import CENTERED, attention_biased, dense
from causerie.models.names import Table
from causerie.spec.decoder import Decoder

_SECOND = "attn_norm_2"


def weights(m: Metadata, spec: Decoder) -> Table:
    """Of two norms the second is that of attention."""
    table = plain_names(m, spec)
    if _has_two_norms(m):
        for suffix, kind in (("", "weight"), ("_bias", "bias")):
            table[f"{OURS}ffn_norm{suffix}"] = f"{BLOCK}attn_norm.{kind}"
            table[f"{OURS}mixer_norm{suffix}"] = f"{BLOCK}{_SECOND}.{kind}"
    return table


def _has_two_norms(m: Metadata) -> bool:
    return m.holds(f"blk.0.{_SECOND}.weight")


@gguf_architecture("falcon", weights=weights)
def falcon(m: Metadata) -> dict[str, Any]:
    """Falcon 7B, 40B and 180B, Falcon 2: all as new ones are described, which may have any number of key heads."""
    return dense(m, "falcon", "layer_norm_epsilon", CENTERED) | {
        "new_decoder_architecture": True,
        "num_ln_in_parallel_attn": 2 if _has_two_norms(m) else 1,
        "bias": attention_biased(m),
    }
