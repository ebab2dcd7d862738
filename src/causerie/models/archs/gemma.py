"""Gemma: Llama with norms by 1 + w, a gate through gelu, and an embedding scaled by the root of its width."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, centered
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.mlp import MLP

DEFAULTS = {  # real configs leave some of these out
    "vocab_size": 256000,
    "hidden_size": 3072,
    "intermediate_size": 24576,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "max_position_embeddings": 8192,
    "hidden_act": "gelu_pytorch_tanh",
}


@architecture("gemma", weights=centered(LLAMA_WEIGHTS))
def gemma(c: Config) -> Decoder:
    """Gemma 2B and 7B, CodeGemma."""
    c.assume(DEFAULTS)
    c.expect("use_bidirectional_attention", False)
    c.expect("hidden_activation", "gelu_pytorch_tanh")  # beside hidden_act, which the field reads
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, head_dim=256, kv_heads=16)
    if c.word("hidden_act") == "gelu":  # the first files say so, and mean the function by tanh
        mlp = spec.layers[0].ffn
        assert isinstance(mlp, MLP)  # by `llama_like`
        spec = spec.each_layer(ffn=replace(mlp, act="gelu_tanh"))
    return replace(spec, tied=c.boolean("tie_word_embeddings", True), embedding_scale=spec.width**0.5)
