"""Muse Glimmer, for text. Files hold 1 + w of the norms of layers; heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, paired_names
from causerie.models.gguf.values import attention_biased, dense, window_kinds
from causerie.models.layer_kinds import SLIDING
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """With the gates of attention."""
    return paired_names(m, spec) | {OURS + "mixer.gate": BLOCK + "attn_gate.weight"}


@gguf_architecture("muse-glimmer", weights=weights)
def muse_glimmer(m: Metadata) -> dict[str, Any]:
    """Layers that see everything do not turn. A number by which scores are multiplied stands where norms of heads
    have their weights."""
    values = dense(m, "muse_glimmer_text")
    layers = values["num_hidden_layers"]
    kinds = window_kinds(m, layers, 4)
    theta = values["rope_parameters"]["rope_theta"]
    return values | {
        "attention_bias": attention_biased(m),
        "qk_scale_factor": _scale(m, layers, values["head_dim"]),
        "output_multiplier": m.number("logit_scale"),
        "final_logit_softcapping": m.number("final_logit_softcapping", 20.0),
        "sliding_window": m.integer("attention.sliding_window"),
        "layer_types": kinds,
        "layer_rope_theta": [theta if kind == SLIDING else 0.0 for kind in kinds],
    }


def _scale(m: Metadata, layers: int, size: int) -> float:
    queries = {number for i in range(layers) for number in m.vector(f"blk.{i}.attn_q_norm.weight", size)}
    keys = {number for i in range(layers) for number in m.vector(f"blk.{i}.attn_k_norm.weight", size)}
    if len(queries) != 1 or keys != {1.0}:
        raise m.wrong("attention.key_length", size, "beside norms of heads that are one number, and 1 of keys")
    return queries.pop()
