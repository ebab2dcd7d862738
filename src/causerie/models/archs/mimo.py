"""MiMo: Qwen2 with a head to guess with."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.qwen2 import qwen2
from causerie.models.config import Config
from causerie.models.draft_names import listed_state_first
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DraftHead


def weights(spec: Decoder) -> Table:
    """Those of Llama, and of the head beside them."""
    return {**LLAMA_WEIGHTS, **listed_state_first(spec, LLAMA_WEIGHTS)}


@architecture("mimo", weights=weights)
def mimo(c: Config) -> Decoder:
    """MiMo 7B, of 2025."""
    c.assume({"num_nextn_predict_layers": 0})
    c.expect("attention_bias", True)
    c.expect("use_mrope", False)
    spec = qwen2(c)
    if not c.integer("num_nextn_predict_layers", least=0):
        return spec
    return replace(spec, draft_head=DraftHead(spec.layers[-1], spec.norm))
