"""The packed formats we quantize to ourselves, each with what does it; others are read from files that hold them."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.errors import unknown
from causerie.quant.centered import CenteredEncoder
from causerie.quant.encoder import Encoder, WeighingEncoder
from causerie.quant.fitted import FittedEncoder
from causerie.quant.formats import INT4, INT5, INT6, INT8
from causerie.quant.int8 import Int8Encoder
from causerie.quant.lookup import LookupEncoder
from causerie.quant.mxfp4 import Mxfp4Encoder
from causerie.quant.rowwise import RowwiseEncoder
from causerie.quant.tables import TABLES

_ALL: tuple[Encoder, ...] = (
    Int8Encoder(),
    CenteredEncoder(INT6),
    CenteredEncoder(INT5),
    FittedEncoder(INT4),
    *(LookupEncoder(table, double) for table in TABLES for double in (False, True)),
    RowwiseEncoder(),
    Mxfp4Encoder(),
)
ENCODERS: Mapping[str, Encoder] = {encoder.format.name: encoder for encoder in _ALL}


def encoder_named(name: str) -> Encoder:
    """What quantizes to the format of this name. Raises UnknownName."""
    encoder = ENCODERS.get(name)
    if encoder is None:
        raise unknown("quantization", name, ENCODERS)
    return encoder


def weighs(name: str) -> bool:
    """Whether what quantizes to the format of this name asks what errors of each input cost. Raises UnknownName."""
    return isinstance(encoder_named(name), WeighingEncoder)


def evens(name: str) -> bool:
    """Whether matrices of the format of this name are made for inputs that go through `transform.evening`."""
    return name in (INT8.name, INT6.name, INT5.name)
