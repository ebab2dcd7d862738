"""All formats by name, each a description; docs/adding-a-format.md adds one. Knows no model and no backend.

`int8`, our own: signed bytes with a scale for every 64 inputs (32 where 64 does not divide the width): 8.25 bits.

    codes  int8      [n, k]        -127 … 127
    scale  bfloat16  [n, k / g]    value = code · scale

`int6` and `int5`, our own: the same in fewer bits, counted from 32 and from 16; 6.25 and 5.25 bits.

    codes  uint8     [n, 6k / 8]   or 5k / 8: one stream for each row, the first in the lowest bits
    scale  bfloat16  [n, k / g]    value = (code - 32) · scale, (code - 16) · scale

`int4`, our own: nibbles with a scale and a zero point for every 32 inputs, both bytes, and a unit per row. 4.5 bits a
weight and 16 a row. A kernel can stay in integers inside a group: with int8 activations a, Σ value · a =
unit · scale / 16 · (16 · Σ code · a - zero · Σ a), where both sums fit in 32 bits.

    codes  uint8     [n, k / 2]    byte i of a row holds input 2i in its low nibble and input 2i + 1 in its high one
    scale  uint8     [n, k / 32]   1 … 255 units; 0 where every weight of the group is 0
    zero   uint8     [n, k / 32]   in sixteenths of a step: 0 … 15.94
    unit   bfloat16  [n]           value = unit · scale · (code - zero / 16)

`nf4` and `fp4`, as bitsandbytes defines them: 4-bit codes into a table of 16 values, scaled by the largest magnitude of
each block of 64 weights. Blocks run over the flattened matrix and may span rows.

    codes   uint8    [⌈n·k / 2⌉]   byte i holds weight 2i in its high nibble and weight 2i + 1 in its low one
    absmax  float32  [⌈n·k / 64⌉]  value = table[code] · absmax

With a doubled quantization (`nf4_double`, `fp4_double`) the magnitudes are themselves 8-bit codes:

    absmax         uint8    [⌈n·k / 64⌉]
    nested_absmax  float32  [⌈n·k / 16384⌉]
    offset         float32  [1]    absmax = dynamic[code] · nested_absmax + offset

`bnb_int8`, as bitsandbytes' 8-bit linear layers hold weights (Dettmers et al., "LLM.int8()", 2022). What LLM.int8()
does with activations (outlier columns in float16, the rest in 8 bits) is not part of this format: they are read as they
are, so that no column needs a path of its own.

    codes  int8     [n, k]   -127 … 127
    scale  float32  [n]      the largest magnitude of the row; value = code · scale / 127

`mxfp4`, as the OCP's "Microscaling Formats (MX)" defines it and gpt-oss is published: 4-bit codes into E2M1, a power of
two for every 32 inputs. 4.25 bits. The values are whole numbers of halves, by which products are made.

    codes  uint8    [n, k / 2]    byte i of a row holds input 2i in its low nibble and input 2i + 1 in its high one
    scale  uint8    [n, k / 32]   value = E2M1[code] · 2^(scale - 127)

Those of GGUF's blocks are in gguf_formats.py.
Other floating-point numbers of 8 and 4 bits are in float_formats.py; whole numbers of 2 to 8 bits, of which there are
too many kinds to list, in integer_formats.py.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping

from causerie.errors import unknown
from causerie.quant.code_bits import SIGNED_BYTES, high_first, low_first
from causerie.quant.float_formats import FLOAT_FORMATS
from causerie.quant.format import Format
from causerie.quant.gguf_formats import GGUF_FORMATS
from causerie.quant.integer_formats import integer_format
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import PackedFormat
from causerie.quant.plain import STORED_AS, Plain
from causerie.quant.tables import E2M1, E8M0, TABLES, dynamic_map

BLOCK = 64  # weights of nf4 and fp4 that share a magnitude
NESTED = 256  # magnitudes that share a magnitude of theirs

INT8 = PackedFormat("int8", SIGNED_BYTES, Numbers("scale", "BF16"), groups=(64, 32))
INT6 = PackedFormat("int6", low_first(6), Numbers("scale", "BF16"), groups=(64, 32), zero=32)
INT5 = PackedFormat("int5", low_first(5), Numbers("scale", "BF16"), groups=(64, 32), zero=16)
INT4 = PackedFormat(
    "int4",
    low_first(4),
    Numbers("scale", "U8", times=Numbers("unit", "BF16", "row")),
    groups=(32,),
    zeros=Numbers("zero", "U8"),
    zero_parts=16,
)
BNB_INT8 = PackedFormat(
    "bnb_int8",
    SIGNED_BYTES,
    Numbers("scale", "F32", "row"),
    factor=7.874015718698502e-3,  # 1 / 127 as bitsandbytes writes it
    exact_inputs=True,
)
MXFP4 = PackedFormat(
    "mxfp4", low_first(4), Numbers("scale", "U8", table=E8M0), groups=(32,), table=E2M1, table_step=0.5
)


def looked_up(table: str, *, double: bool = False) -> PackedFormat:
    """nf4 or fp4, or the doubled one."""
    nested = Numbers(
        "absmax",
        "U8",
        table=tuple(dynamic_map().tolist()),
        times=Numbers("nested_absmax", "F32", BLOCK * NESTED),
        plus=Numbers("offset", "F32", "matrix"),
    )
    return PackedFormat(
        f"{table}_double" if double else table,
        high_first(4),
        nested if double else Numbers("absmax", "F32"),
        groups=(BLOCK,),
        table=tuple(TABLES[table].tolist()),
        flat=True,
    )


class FormatTable(dict[str, PackedFormat]):
    """Packed formats by name: those that are listed, and those of integer_formats.py, which are made from their names
    when they are asked for."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and integer_format(name) is not None)

    def __missing__(self, name: str) -> PackedFormat:
        format = integer_format(name)
        if format is None:
            raise KeyError(name)
        return format


QUANTIZED = FormatTable(
    (format.name, format)
    for format in (
        INT8,
        INT6,
        INT5,
        INT4,
        *(looked_up(table, double=double) for table in TABLES for double in (False, True)),
        BNB_INT8,
        MXFP4,
        *GGUF_FORMATS,
        *FLOAT_FORMATS,
    )
)
"""Packed formats. What quantizes to one of them ourselves is in encoders.py."""
PLAIN: dict[str, Plain] = {name: Plain(name) for name in STORED_AS}
ALL: Mapping[str, Format] = ChainMap[str, Format](PLAIN, QUANTIZED)  # type: ignore[arg-type]


def format_named(name: str) -> Format:
    """A format by its name. Raises UnknownName."""
    format = ALL.get(name)
    if format is None:
        raise unknown("weight format", name, ALL)
    return format
