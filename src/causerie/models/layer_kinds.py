"""Of which kind each layer is, as configs say it: it sees the whole sequence or a window, convolves, or remembers.
Knows no family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from causerie.models.config import Config
from causerie.spec.decoder import Decoder

FULL, SLIDING, CONV, LINEAR = "full_attention", "sliding_attention", "conv", "linear_attention"


def layer_kinds(c: Config, otherwise: Sequence[str], known: Sequence[str] = (FULL, SLIDING)) -> Sequence[str]:
    """The kind of each layer, one of those `known`, from `layer_types`; `otherwise`, of the same length, for files that
    were written before that key. Raises ConfigError for another length or word."""
    kinds = c.words("layer_types")
    if kinds is None:
        return otherwise
    if len(kinds) != len(otherwise) or not set(known).issuperset(kinds):
        raise c.wrong("layer_types", kinds, f"a list of {len(otherwise)} words, each {' or '.join(map(repr, known))}")
    return kinds


def with_kinds(spec: Decoder, kinds: Sequence[str], changes: Mapping[str, Mapping[str, Any]]) -> Decoder:
    """The decoder with the fields changed that the attention of each kind of layer has otherwise."""
    changed = (layer.with_attention(**changes.get(kind, {})) for layer, kind in zip(spec.layers, kinds, strict=True))
    return replace(spec, layers=tuple(changed))
