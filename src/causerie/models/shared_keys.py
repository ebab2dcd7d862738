"""Layers that read the keys and values of others, as configs say it. Knows no family."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING
from causerie.spec.decoder import Decoder


def with_shared_keys(c: Config, spec: Decoder, absent: int = 0) -> Decoder:
    """The last `num_kv_shared_layers` layers, or so many as `absent` says, read the keys and values of the last one of
    their kind that has some: that slides, or that sees everything. All layers attend."""
    kinds = [FULL if mixer.window is None else SLIDING for mixer in spec.attentions]
    count = len(kinds)
    first = count - c.integer("num_kv_shared_layers", absent, least=0, most=count - 1)
    if not set(kinds[first:]).issubset(kinds[:first]):
        raise c.wrong(
            "num_kv_shared_layers", count - first, f"so that a layer of each kind before them has keys: {kinds}"
        )
    layers = list(spec.layers)
    for i in range(first, count):
        source = max(j for j in range(first) if kinds[j] == kinds[i])
        layers[i] = layers[i].with_attention(shares=source, value_norm=None, keys_as_values=False)
    return replace(spec, layers=tuple(layers))
