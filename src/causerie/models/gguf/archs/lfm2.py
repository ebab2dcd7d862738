"""LFM2. Some layers convolve."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import plain_names
from causerie.models.gguf.recurrence_names import SHORT_CONV
from causerie.models.gguf.rotation import rotation
from causerie.models.gguf.values import alike, biased, heads, sizes
from causerie.models.layer_kinds import CONV, FULL
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """The last norm is called like one of the embedding, in most files."""
    table = plain_names(m, spec) | SHORT_CONV
    return table | {"norm": _LAST} if m.holds(_LAST) else table


_LAST = "token_embd_norm.weight"


@gguf_architecture("lfm2", weights=weights)
def lfm2(m: Metadata) -> dict[str, Any]:
    """LFM2 and LFM2.5, 350M to 2.6B."""
    values = lfm2_values(m, "lfm2")
    return values | {"intermediate_size": alike(m, "feed_forward_length"), "block_auto_adjust_ff_dim": False}


def lfm2_values(m: Metadata, model_type: str) -> dict[str, Any]:
    """The part that it shares with the models that have experts: layers without key heads convolve."""
    values = {"model_type": model_type, **sizes(m, "norm_eps"), **heads(m)}
    key_heads = m.integers("attention.head_count_kv", values["num_hidden_layers"])
    return values | {
        "rope_parameters": rotation(m, values["head_dim"], 1e6),
        "layer_types": [FULL if count else CONV for count in key_heads],
        "conv_L_cache": m.integer("shortconv.l_cache"),
        "conv_bias": biased(m, "shortconv.in_proj"),
    }
