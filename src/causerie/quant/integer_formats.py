"""Formats of whole numbers of 2 to 8 bits, by which AWQ, GPTQ, compressed-tensors, MLX and others publish checkpoints.
They differ in their bits, in how many inputs share a scale, and in its type, and are named so: `asym4_g128_f16`.

    codes  uint8  [n, k · bits / 8]   one stream for each row, the first in the lowest bits
    scale         [n, k / g], or [n] where all of a row share it (`row`); f16, bf16 or f32

    sym     value = (code - 2^(bits - 1)) · scale
    asym    value = (code - zero) · scale            zero  uint8          [n, k / g] or [n]
    affine  value = code · scale + low               low   as the scale   [n, k / g] or [n]
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

from causerie.quant.code_bits import low_first
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import PackedFormat

Kind: TypeAlias = Literal["sym", "asym", "affine"]
INTEGER_BITS = (2, 3, 4, 5, 6, 7, 8)
INTEGER_GROUPS = (128, 64, 32)
"""Inputs that share a scale; a file in which more do has each scale several times here."""
_TYPES = {"f16": "F16", "bf16": "BF16", "f32": "F32"}
_NAME = re.compile(r"(sym|asym|affine)([2-8])_(?:g(128|64|32)|row)_(f16|bf16|f32)")


def integer_name(kind: Kind, bits: int, group: int | None, dtype: str) -> str:
    """What the format is called; `dtype` of the scale as files spell it, and no `group` where a row shares it."""
    return f"{kind}{bits}_{'row' if group is None else f'g{group}'}_{dtype.lower()}"


@lru_cache(maxsize=512)
def integer_format(name: str) -> PackedFormat | None:
    """The format of a name; None where it is no name of one."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    kind, bits, group, dtype = parts[1], int(parts[2]), parts[3], _TYPES[parts[4]]
    groups, span = ((), "row") if group is None else ((int(group),), "group")
    scale, zero, low = (
        Numbers(array, stored, "row" if span == "row" else "group")
        for array, stored in (("scale", dtype), ("zero", "U8"), ("low", dtype))
    )
    return PackedFormat(
        name,
        low_first(bits),
        scale,
        groups,
        zero=2 ** (bits - 1) if kind == "sym" else 0,
        zeros=zero if kind == "asym" else None,
        low=low if kind == "affine" else None,
    )
