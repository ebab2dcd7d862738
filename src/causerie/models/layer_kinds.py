"""Of which kind each layer is, as configs say it: it sees the whole sequence or a window, convolves, or remembers; it
has experts or not. Knows no family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from causerie.models.config import Config
from causerie.spec.decoder import Decoder

FULL, SLIDING, CONV, LINEAR = "full_attention", "sliding_attention", "conv", "linear_attention"
DENSE, SPARSE = "dense", "sparse"


def sparse_layers(c: Config, layers: int, dense: int) -> list[int]:
    """Those that have experts, by `mlp_layer_types`; else all but so many `dense` ones at the beginning."""
    otherwise = [DENSE if i < dense else SPARSE for i in range(layers)]
    kinds = layer_kinds(c, otherwise, (DENSE, SPARSE), "mlp_layer_types")
    return [i for i, kind in enumerate(kinds) if kind == SPARSE]


def turning_layers(c: Config, layers: int) -> list[bool]:
    """Whether positions turn the heads of each layer: `no_rope_layers` has 1 where they do, in spite of its name;
    without it all turn but one in `no_rope_layer_interval`."""
    said, distance = c.integers("no_rope_layers", most=1), c.integer("no_rope_layer_interval", 4)
    if not said:
        return [(i + 1) % distance != 0 for i in range(layers)]
    if len(said) < layers:
        raise c.wrong("no_rope_layers", said, f"a list of at least {layers} numbers, each 0 or 1")
    return [bool(turns) for turns in said[:layers]]


def layer_kinds(
    c: Config, otherwise: Sequence[str], known: Sequence[str] = (FULL, SLIDING), key: str = "layer_types"
) -> Sequence[str]:
    """The kind of each layer, one of those `known`, from `key`; `otherwise`, of the same length, for files that were
    written before that key. Raises ConfigError for another length or word."""
    kinds = c.words(key)
    if kinds is None:
        return otherwise
    if len(kinds) != len(otherwise) or not set(known).issuperset(kinds):
        raise c.wrong(key, kinds, f"a list of {len(otherwise)} words, each {' or '.join(map(repr, known))}")
    return kinds


def numbered_kinds(c: Config, key: str, known: Sequence[str], otherwise: Sequence[str]) -> Sequence[str]:
    """The kind of each layer, from a list of numbers that count those `known`; `otherwise`, of the same length, for
    files without it."""
    numbers = c.integers(key, most=len(known) - 1)
    if numbers is None:
        return otherwise
    if len(numbers) != len(otherwise):
        raise c.wrong(key, numbers, f"a list of {len(otherwise)} numbers, one for each layer")
    return [known[number] for number in numbers]


def numbers_of_kinds(c: Config, key: str, kinds: Sequence[str], otherwise: float) -> dict[str, float]:
    """The number of each kind of layer, from one for each layer under `key`, or one for all; `otherwise` where there is
    none."""
    if not c.holds_list(key):
        return dict.fromkeys(kinds, c.number(key, otherwise))
    numbers = c.numbers(key, len(kinds))
    each = dict(zip(kinds, numbers, strict=True))
    if [each[kind] for kind in kinds] != numbers:
        raise c.wrong(key, numbers, "the same for all layers of a kind")
    return each


def with_kinds(spec: Decoder, kinds: Sequence[str], changes: Mapping[str, Mapping[str, Any]]) -> Decoder:
    """The decoder with the fields changed that the attention of each kind of layer has otherwise."""
    changed = (layer.with_attention(**changes.get(kind, {})) for layer, kind in zip(spec.layers, kinds, strict=True))
    return replace(spec, layers=tuple(changed))
