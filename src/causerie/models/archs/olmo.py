"""OLMo: Llama with layer norms without weights; queries, keys and values may be cut off."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.norm import Norm


@architecture("olmo", weights=LLAMA_WEIGHTS)
def olmo(c: Config) -> Decoder:
    """OLMo 1B and 7B."""
    c.assume({"max_position_embeddings": 2048})
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, norm=Norm(1e-5, centered=True, weight=False))
    return spec.each_attention(clip=c.optional_number("clip_qkv"))
