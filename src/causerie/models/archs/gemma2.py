"""Gemma 2: Gemma with norms before and after each half, soft caps on scores and on logits, and every second layer
sliding."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS, SANDWICH, centered
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

DEFAULTS = {  # real configs leave some of these out
    "vocab_size": 256000,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "max_position_embeddings": 8192,
    "hidden_activation": "gelu_pytorch_tanh",
}


@architecture("gemma2", weights=centered({**LLAMA_WEIGHTS, **SANDWICH}))
def gemma2(c: Config) -> Decoder:
    """Gemma 2 2B, 9B and 27B."""
    c.assume(DEFAULTS)
    c.expect("use_bidirectional_attention", False)
    c.expect("hidden_act", "gelu_pytorch_tanh")  # beside hidden_activation, which the field reads
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, head_dim=256, kv_heads=4, act="hidden_activation")
    cap = c.optional_number("attn_logit_softcapping", absent=50.0)
    spec = spec.each_attention(scale=c.number("query_pre_attn_scalar", 256) ** -0.5, softcap=cap)
    kinds = layer_kinds(c, [FULL if i % 2 else SLIDING for i in range(len(spec.layers))])
    window = c.optional_integer("sliding_window", 4096)
    c.expect("sliding_window_size", window)  # another name of it in some files, which nobody reads
    spec = with_kinds(spec, kinds, {SLIDING: {"window": window}})
    return replace(
        spec,
        layers=tuple(replace(layer, norm_after=spec.norm) for layer in spec.layers),
        tied=c.boolean("tie_word_embeddings", True),
        embedding_scale=spec.width**0.5,
        logits_softcap=c.optional_number("final_logit_softcapping", absent=30.0),
    )
