"""Decoders some of whose layers have experts. Knows no family and no key of a config."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts


def in_layers(spec: Decoder, experts: Experts, sparse: Iterable[int]) -> Decoder:
    """`spec` with experts in the layers of these numbers, in the place of what they have."""
    numbers = frozenset(sparse)
    layers = (replace(layer, ffn=experts) if i in numbers else layer for i, layer in enumerate(spec.layers))
    return replace(spec, layers=tuple(layers))
