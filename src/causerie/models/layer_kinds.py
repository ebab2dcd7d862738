"""Which layers see the whole sequence and which only a window, as configs say it. Knows no family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from causerie.models.config import Config
from causerie.spec.decoder import Decoder

FULL, SLIDING = "full_attention", "sliding_attention"


def layer_kinds(c: Config, otherwise: Sequence[str]) -> Sequence[str]:
    """The kind of each layer, FULL or SLIDING, from `layer_types`; `otherwise`, of the same length, for files that were
    written before that key. Raises ConfigError for another length or word."""
    kinds = c.words("layer_types")
    if kinds is None:
        return otherwise
    if len(kinds) != len(otherwise) or not {FULL, SLIDING}.issuperset(kinds):
        raise c.wrong("layer_types", kinds, f"a list of {len(otherwise)} words, each {FULL!r} or {SLIDING!r}")
    return kinds


def with_kinds(spec: Decoder, kinds: Sequence[str], changes: Mapping[str, Mapping[str, Any]]) -> Decoder:
    """The decoder with the fields changed that the mixer of each kind of layer has otherwise."""
    mixers = (replace(layer.mixer, **changes.get(kind, {})) for layer, kind in zip(spec.layers, kinds, strict=True))
    layers = (replace(layer, mixer=mixer) for layer, mixer in zip(spec.layers, mixers, strict=True))
    return replace(spec, layers=tuple(layers))
