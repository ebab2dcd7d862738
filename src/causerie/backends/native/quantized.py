"""How many bytes a weight takes, and which arrays of the reference layout C++ makes quantized panels from.

The layouts are described in src/quantized.h, the arrays in quant/*.py.
"""

from __future__ import annotations

import ctypes
from math import gcd, lcm
from typing import Any

import numpy as np

from causerie.backends.native.abi import Layout
from causerie.backends.native.program import PANEL, TABLE_BYTES, Packing, format_number
from causerie.quant.format import Buffers
from causerie.quant.formats import QUANTIZED, format_named
from causerie.quant.packed_format import CODES
from causerie.quant.weight import BYTES

SCALE_BYTES = {"int8": 2, "int4": 2, "bnb_int8": 4}  # of a row of a group, the zero point included; else 4


def panels_bytes(format: str, shape: tuple[int, ...]) -> int:
    """What a matrix takes: `panel_bytes` of quantized.h for each 64 rows, and its table."""
    rows, width = shape
    lookup = QUANTIZED[format].table is not None
    group = QUANTIZED[format].line(width)
    codes = PANEL * width // 2 if lookup or format == "int4" else PANEL * width
    scales = PANEL * SCALE_BYTES.get(format, 4) * (width // group)
    unit = PANEL * 4 if format == "int4" else 0
    return -(-rows // PANEL) * (codes + scales + unit) + (TABLE_BYTES if lookup else 0)


def held_bytes(format: str, layout: Layout, shape: tuple[int, ...]) -> int:
    """What a vector or a matrix takes that is not packed: whole panels, with an even number of inputs for bfloat16."""
    if format in QUANTIZED and len(shape) == 2:
        return panels_bytes(format, shape)
    size = int(BYTES[format])
    if len(shape) == 1:
        return -(-shape[0] // PANEL) * PANEL * size
    if layout is Layout.ROWS:
        return shape[0] * shape[1] * size
    even = shape[1] % 2 if format == "bfloat16" else 0
    return -(-shape[0] // PANEL) * PANEL * (shape[1] + even) * size


def input_group(format: str, width: int) -> int:
    """How many activations share a scale where a matrix reads them in 8 bits; 0 where it reads float32."""
    if format not in ("int8", "int4"):
        return 0
    return gcd(128 if format == "int4" else 64, width)


def slice_rows(format: str, width: int, most_bytes: int) -> int:
    """How many rows to read at a time: whole panels, and what the format's arrays can be cut at."""
    step = lcm(PANEL, format_named(format).row_step(width))
    return max(1, most_bytes // (width * 4 * step)) * step


def write_table(format: str, address: int) -> None:
    """The values of a look-up format's codes, where its panels begin."""
    values = QUANTIZED[format].table
    if values is not None:
        table = np.array(values, np.float32)
        ctypes.memmove(address, table.ctypes.data, table.nbytes)


def packing_of(
    format: str, arrays: Buffers, target: int, first: int, rows: int, width: int
) -> tuple[ctypes.Structure, Any]:
    """The packing of some rows, and the arrays that must live as long as it is used."""
    known = QUANTIZED[format]
    if known.table is None:
        scale = arrays["scale"]
    else:
        blocks = np.arange(0, rows * width, known.group(width))
        scale = known.scale.values(arrays, blocks, width, known.group(width))
    kept = [np.ascontiguousarray(each) for each in (arrays[CODES], scale)]
    kept += [np.ascontiguousarray(arrays[name]) for name in ("zero", "unit") if name in arrays]
    packing = Packing(target=target, first=first, rows=rows, width=width, target_format=format_number(format))
    for name, array in zip(("source", "scale", "zero", "unit"), kept, strict=False):
        setattr(packing, name, array.ctypes.data)
    return packing, kept
