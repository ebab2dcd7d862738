"""Cohere 2: Cohere in which three layers of four see a window, and only these turn by position."""

from __future__ import annotations

from causerie.models.archs.cohere import cohere_like, weights
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder

_SAID_TWICE = {  # by the keys of the program that it was trained with
    "cache_implementation": "hybrid",
    "layer_switch": 4,
    "order_of_interleaved_layers": "local_attn_first",
    "position_embedding_type": "rope_gptj",
    "use_embedding_sharing": True,
    "use_gated_activation": True,
    "use_parallel_block": True,
    "use_parallel_embedding": True,
}


@architecture("cohere2", weights=weights)
def cohere2(c: Config) -> Decoder:
    """Command R7B, Command A, Aya Vision's text model and Tiny Aya."""
    for key, done in _SAID_TWICE.items():
        c.expect(key, done)
    spec = cohere_like(c, lambda head_dim: read_rope(c, head_dim))
    distance = c.integer("_sliding_window_pattern", c.integer("sliding_window_pattern", 4))
    kinds = layer_kinds(c, [SLIDING if (i + 1) % distance else FULL for i in range(len(spec.layers))])
    window = c.optional_integer("sliding_window", 4096)
    return with_kinds(spec, kinds, {FULL: {"rope": None}, SLIDING: {"window": window}})
