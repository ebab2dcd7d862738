"""Phi-3, 3.5 and 4: Llama with fused matrices, in which a part of each head may turn, slowed down for long texts."""

from __future__ import annotations

from causerie.checkpoint.expression import Expression
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, fused
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder


def weights(spec: Decoder) -> dict[str, str | Expression]:
    """Queries, keys and values are rows of one tensor, gate and up of another."""
    table: dict[str, str | Expression] = dict(LLAMA_WEIGHTS)
    if spec.layers:
        mixer, ffn = next(spec.attentions), spec.layers[0].ffn
        heads = {"q": mixer.query_width, "k": mixer.key_width, "v": mixer.key_width}
        table |= fused("mixer", "self_attn.qkv_proj.weight", heads)
        table |= fused("ffn", "mlp.gate_up_proj.weight", {"gate": ffn.hidden, "up": ffn.hidden})
    return table


@architecture("phi3", weights=weights)
def phi3(c: Config) -> Decoder:
    """Phi-3 and its kin. Their first configs call the scaling of long texts "su" or "yarn"."""
    c.expect("attention_bias", False)
    c.optional_integer("original_max_position_embeddings", None)  # for rotations that are scaled; others leave it
    aliases = {"su": "longrope", "yarn": "longrope"}
    spec = llama_like(c, rope=lambda head_dim: read_rope(c, head_dim, partial=True, aliases=aliases))
    return spec.each_attention(window=c.optional_integer("sliding_window", None))
