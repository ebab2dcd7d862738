"""Granite with windows: Granite whose heads may attend to nothing, in which three layers of four see a window, and each
layer turns at a speed of its own or not at all."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.granite import granite_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

SINKS = {"layers.{i}.mixer.sinks": "model.layers.{i}.self_attn.sinks"}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 100352,
    "hidden_size": 2560,
    "intermediate_size": 8192,
    "num_hidden_layers": 24,
    "num_attention_heads": 20,
    "num_key_value_heads": 4,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
}


@architecture("granite_swa", weights={**LLAMA_WEIGHTS, **SINKS})
def granite_swa(c: Config) -> Decoder:
    """The dense models of Granite with windows."""
    c.assume(DEFAULTS)
    return with_windows(c, granite_like(c, mlp_bias=c.boolean("mlp_bias", False)))


def with_windows(c: Config, spec: Decoder) -> Decoder:
    """`spec` with sinks, windows and speeds of its layers."""
    spec = spec.each_attention(sinks=True)
    count = len(spec.layers)
    kinds = layer_kinds(c, [SLIDING if i % 4 else FULL for i in range(count)])
    spec = with_kinds(spec, kinds, {SLIDING: {"window": c.optional_integer("sliding_window", 128)}})
    if not c.has("layer_rope_theta"):
        return spec
    rope = spec.ropes[0]
    layers = (
        layer.with_attention(rope=replace(rope, theta=theta) if theta else None)
        for layer, theta in zip(spec.layers, c.numbers("layer_rope_theta", count, above=False), strict=True)
    )
    return replace(spec, layers=tuple(layers))
