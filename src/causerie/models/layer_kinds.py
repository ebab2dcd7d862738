"""Which layers see the whole sequence and which only a window, as configs say it. Knows no family and no mixer."""

from __future__ import annotations

from collections.abc import Sequence

from causerie.models.config import Config

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
