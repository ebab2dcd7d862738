"""Gemma 3, the text model: norms by 1 + w before and after each half, a scaled embedding, five sliding layers to a full
one, each kind with a rotation of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS, SANDWICH, centered
from causerie.models.registry import architecture
from causerie.models.rope_config import read_ropes
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Rope

DEFAULTS = {  # real configs leave most of these out
    "vocab_size": 262208,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "max_position_embeddings": 131072,
    "hidden_activation": "gelu_pytorch_tanh",
}


@architecture("gemma3_text", weights=centered({**LLAMA_WEIGHTS, **SANDWICH, **QK_NORMS}))
def gemma3_text(c: Config) -> Decoder:
    """Gemma 3 270M and 1B, and the text models of the larger ones."""
    c.assume(DEFAULTS)
    c.expect("use_bidirectional_attention", False)
    distance = c.integer("sliding_window_pattern", c.integer("_sliding_window_pattern", 6))
    spec = gemma3_like(c, kv_heads=4, distance=distance, window=4096)
    return spec.each_attention(scale=c.number("query_pre_attn_scalar", 256) ** -0.5)


def gemma3_like(
    c: Config, *, kv_heads: int, distance: int, window: int, hidden: Sequence[int] | None = None
) -> Decoder:
    """What Gemma 3n shares with it. `kv_heads`, `distance`, from a layer that sees everything to the next one, and
    `window` are what a config means that does not say them; `hidden` is as `llama_like` takes it."""
    bias = c.boolean("attention_bias", False)
    thetas = {FULL: 1e6, SLIDING: c.number("rope_local_base_freq", 10000.0, least=1.0)}

    def rope(head_dim: int) -> Rope:
        return read_ropes(c, head_dim, thetas)[FULL]

    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        head_dim=256,
        kv_heads=kv_heads,
        rope=rope,
        act="hidden_activation",
        hidden=hidden,
    )
    ropes = read_ropes(c, next(spec.attentions).head_dim, thetas)
    spec = spec.each_attention(qk_norm=spec.norm)
    kinds = layer_kinds(c, [SLIDING if (i + 1) % distance else FULL for i in range(len(spec.layers))])
    sliding = {"rope": ropes[SLIDING], "window": c.integer("sliding_window", window)}
    spec = with_kinds(spec, kinds, {SLIDING: sliding}).each_layer(norm_after=spec.norm)
    return replace(spec, tied=c.boolean("tie_word_embeddings", True), embedding_scale=spec.width**0.5)
