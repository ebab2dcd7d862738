"""Granite with windows and experts: Granite with windows, whose layers have many small feed-forward layers in place of
each, of which a token uses a few, perhaps beside one that all tokens use."""

from __future__ import annotations

from causerie.models.archs import granitemoeshared as shared
from causerie.models.archs.granite_swa import SINKS, with_windows
from causerie.models.config import Config
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Those of Granite with experts, and the sinks."""
    return tuple({**table, **SINKS} for table in shared.weights(spec))


@architecture("granitemoe_swa", weights=weights)
def granitemoe_swa(c: Config) -> Decoder:
    """The models of Granite with windows that have experts."""
    return with_windows(c, shared.granitemoeshared(c))
