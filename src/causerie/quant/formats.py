"""All formats by name. Knows no model and no backend; each format's file says what its arrays hold."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.errors import unknown
from causerie.quant.format import Format
from causerie.quant.int4 import Int4
from causerie.quant.int8 import Int8
from causerie.quant.lookup import Lookup
from causerie.quant.plain import STORED_AS, Plain
from causerie.quant.rowwise import RowwiseInt8

QUANTIZED: Mapping[str, Format] = {
    format.name: format
    for format in (
        Int8(),
        Int4(),
        Lookup("nf4"),
        Lookup("nf4", double=True),
        Lookup("fp4"),
        Lookup("fp4", double=True),
        RowwiseInt8(),
    )
}
"""Formats that matrices can be quantized to."""
ALL: Mapping[str, Format] = {**{name: Plain(name) for name in STORED_AS}, **QUANTIZED}


def format_named(name: str) -> Format:
    """A format by its name. Raises UnknownName."""
    found = ALL.get(name)
    if found is None:
        raise unknown("weight format", name, ALL)
    return found
