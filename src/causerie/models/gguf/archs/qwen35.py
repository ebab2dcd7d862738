"""Qwen3.5 and its kin: the gated delta rule and gated attention. Files hold 1 + w of norms, but for the rule's own."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.qwen3next import FFN, delta_values
from causerie.models.gguf.delta_names import delta_names, gated_attention_names
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import plain_names
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """Value heads take turns."""
    return plain_names(m, spec) | gated_attention_names(spec) | delta_names(spec, in_turns=True) | FFN


@gguf_architecture("qwen35", weights=weights)
def qwen35(m: Metadata) -> dict[str, Any]:
    """The dense models, for text."""
    return delta_values(m, "qwen3_5_text") | heads_to_guess(m)


def heads_to_guess(m: Metadata) -> dict[str, Any]:
    """How many the file holds."""
    return {"mtp_num_hidden_layers": m.integer("nextn_predict_layers", 0, least=0)}
