"""Made-up packed formats of 2 to 8 bits, each a description and nothing else, and matrices of random arrays for them.

What their values are is reckoned here a second time, weight by weight, from the bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.bfloat16 import round_to_bits, widen
from causerie.quant.code_bits import SIGNED_BYTES, CodeBits, Plane, high_first, low_first
from causerie.quant.format import Buffers
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import PackedFormat
from causerie.quant.tables import E2M1, E8M0

SIX = CodeBits((Plane(4, (0, 2, 4, 6, 1, 3, 5, 7)), Plane(2, tuple(range(16, 24)))), 6)
"""Six bits in two planes: four of each in nibbles out of order, then two of each."""
SCALES_OF_SIX_BITS = CodeBits((Plane(4, (0, 2, 4, 6)), Plane(2, (2, 6, 10, 14))), 4)


def _e4m3(byte: int) -> float:
    exponent, mantissa = byte >> 3 & 15, byte & 7
    size = mantissa / 8 * 2.0**-6 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    return 0.0 if byte & 127 == 127 else -size if byte & 128 else size


E4M3 = tuple(_e4m3(i) for i in range(256))
_SUPER = Numbers("d", "F16", 256)
_FAR = tuple(float(i * abs(i) - (i > 0)) for i in range(-8, 8))  # -64 … 48, in steps of a half
_SIGNED = tuple(float(i % 256 - 128) for i in range(256))
_CURVE_5 = tuple(float(np.float32(np.sinh((i - 16) / 6))) for i in range(32))
_CURVE_3 = (-4.0, -2.0, -1.0, -0.5, 0.25, 1.0, 2.5, 5.0)

_HALVES = CodeBits((Plane(4, (*range(0, 32, 2), *range(1, 32, 2))),), 16)
_HALVES_OF_64 = CodeBits((Plane(4, tuple(2 * (i % 32) + i // 32 for i in range(64))),), 32)
HALF = Numbers("s", "F16")

MADE_UP: Mapping[str, PackedFormat] = {
    format.name: format
    for format in (
        PackedFormat("two", low_first(2), HALF, (32,), zeros=Numbers("z", "U8")),
        PackedFormat("three", low_first(3), HALF, (128, 64, 32), zero=4),
        PackedFormat("three-table", low_first(3), Numbers("s", "BF16"), (64, 32), table=_CURVE_3),
        PackedFormat("four-halves", _HALVES, HALF, (32,), zero=8),
        PackedFormat("four-zeros", low_first(4), HALF, (128, 64, 32), zeros=Numbers("z", "U8", bits=low_first(4))),
        PackedFormat("four-signed", low_first(4, signed=True), Numbers("s", "F32", "row")),
        PackedFormat(
            "four-super",
            _HALVES_OF_64,
            Numbers("s", "U8", bits=SCALES_OF_SIX_BITS, times=_SUPER),
            (32,),
            low=Numbers("m", "U8", bits=SCALES_OF_SIX_BITS, times=Numbers("dmin", "F16", 256)),
        ),
        PackedFormat("four-float", low_first(4), Numbers("s", "U8", table=E8M0), (32,), table=E2M1),
        PackedFormat(
            "four-float-16",
            low_first(4),
            Numbers("s", "U8", table=E4M3, times=Numbers("g", "F32", "matrix")),
            (16,),
            table=E2M1,
        ),
        PackedFormat(
            "four-steps-16",
            _HALVES,
            Numbers("s", "U8", table=E4M3, times=Numbers("g", "F32", "matrix")),
            (16,),
            table=E2M1,
            table_step=0.5,
        ),
        PackedFormat(
            "four-steps-over",
            low_first(4),
            Numbers("s", "U8", table=E4M3, over=Numbers("g", "F32", "matrix")),
            (16,),
            table=E2M1,
            table_step=0.5,
        ),
        PackedFormat("four-steps", high_first(4), Numbers("s", "U8", table=E8M0), (64, 32), table=E2M1, table_step=0.5),
        PackedFormat("three-steps", low_first(3), HALF, (128, 32), table=_CURVE_3, table_step=0.25),
        PackedFormat("four-far", _HALVES, HALF, (32,), table=_FAR, table_step=0.5),
        PackedFormat(
            "four-far-super",
            low_first(4),
            Numbers("s", "U8", table=_SIGNED, times=_SUPER),
            (32,),
            table=_FAR,
            table_step=0.5,
        ),
        PackedFormat("three-super", low_first(3), Numbers("s", "I8", times=_SUPER), (16,), zero=4),
        PackedFormat("four-float-row", low_first(4), Numbers("s", "BF16", "row"), table=E2M1),
        PackedFormat(
            "four-exact", low_first(4, signed=True), Numbers("s", "F16", "row"), factor=0.375, exact_inputs=True
        ),
        PackedFormat("four-rows", high_first(4), Numbers("s", "F32", rows=8), (128, 32), zero=7),
        PackedFormat(
            "five",
            low_first(5),
            Numbers("s", "I8", times=Numbers("u", "BF16", "row")),
            (64, 32),
            zeros=Numbers("z", "U8"),
            zero_parts=8,
        ),
        PackedFormat(
            "five-super",
            low_first(5),
            Numbers("s", "U8", bits=SCALES_OF_SIX_BITS, times=_SUPER),
            (32,),
            low=Numbers("m", "I8", times=Numbers("dmin", "F16", 256)),
        ),
        PackedFormat("five-low", low_first(5), Numbers("s", "BF16"), (64, 32), low=Numbers("b", "BF16")),
        PackedFormat("five-signed", low_first(5, signed=True), HALF, (32,)),
        PackedFormat("five-table", low_first(5), Numbers("s", "F32"), (64,), table=_CURVE_5, flat=True),
        PackedFormat("six", SIX, Numbers("s", "I8", times=_SUPER), (16,), zero=32),
        PackedFormat("six-low", SIX, HALF, (64, 32), low=Numbers("b", "F16")),
        PackedFormat("seven", low_first(7), Numbers("s", "BF16"), (64, 32), zero=64),
        PackedFormat("eight", low_first(8), HALF, (128, 64, 32), zeros=Numbers("z", "U8")),
        PackedFormat("eight-signed", SIGNED_BYTES, HALF, (32,)),
        PackedFormat("eight-float", low_first(8), Numbers("s", "F32", 128, rows=128), (128,), table=E4M3),
    )
}


def random_arrays(format: PackedFormat, shape: tuple[int, int], seed: int = 0) -> dict[str, NDArray[Any]]:
    """Arrays of a matrix whose values are some hundredths, as a rule."""
    draw = np.random.default_rng(seed)
    arrays: dict[str, NDArray[Any]] = {}
    for name, buffer in format.buffers(shape).items():
        numbers = next((each for own in format.numbers for each in own.all() if each.array == name), None)
        if numbers is None or numbers.bits is not None:
            arrays[name] = draw.integers(0, 256, buffer.shape).astype(np.uint8)
            if numbers is None and format.table is not None and np.isnan(format.table).any():
                arrays[name] &= 0xFE  # NaN is compared by itself
        elif numbers.table is not None:
            arrays[name] = draw.integers(118, 125, buffer.shape).astype(np.uint8)
        elif buffer.dtype in ("U8", "I8"):
            arrays[name] = draw.integers(0, 2 ** min(format.codes.bits, 7), buffer.shape).astype(np.uint8)
        else:
            values = draw.uniform(0.002, 0.02, buffer.shape) * draw.choice((-1, 1), buffer.shape)
            arrays[name] = values.astype(np.float32)
        arrays[name] = _stored(arrays[name], buffer.dtype)
    return arrays


def _stored(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    if dtype == "BF16":
        return round_to_bits(array)
    return array.view(np.int8) if dtype == "I8" else array.astype({"F16": np.float16}.get(dtype, array.dtype))


def code(bits: CodeBits, data: NDArray[Any], i: int) -> int:
    """The i-th code of an array."""
    first = i // bits.run * bits.run_bytes
    run = int.from_bytes(data.reshape(-1).view(np.uint8)[first : first + bits.run_bytes].tobytes(), "little")
    found = shift = 0
    for plane in bits.planes:
        found |= (run >> plane.places[i % bits.run] * plane.bits) % 2**plane.bits << shift
        shift += plane.bits
    return found - 2**shift if bits.signed and found >> (shift - 1) else found


def number(format: PackedFormat, numbers: Numbers, arrays: Buffers, r: int, c: int, width: int) -> np.float32:
    """What weight (r, c) reads of numbers that weights share."""
    array = arrays[numbers.array]
    if numbers.span == "matrix":
        i: Any = 0
    elif numbers.span == "row":
        i = r // numbers.rows
    else:
        span = format.group(width) if numbers.span == "group" else int(numbers.span)
        run = numbers.bits.run if numbers.bits else 1
        in_row = -(-(width // span) // run) * run
        i = (r * width + c) // span if format.flat else r // numbers.rows * in_row + c // span
    held: Any = array.reshape(-1)[i] if numbers.bits is None else code(numbers.bits, array, i)
    value = np.float32(numbers.table[held]) if numbers.table else _widened(held, numbers.dtype)
    if numbers.times is not None:
        value = value * number(format, numbers.times, arrays, r, c, width)
    if numbers.over is not None:
        value = value / number(format, numbers.over, arrays, r, c, width)
    if numbers.plus is not None:
        value = value + number(format, numbers.plus, arrays, r, c, width)
    return value


def _widened(held: Any, dtype: str) -> np.float32:
    return np.float32(widen(np.array([held], np.uint16))[0] if dtype == "BF16" else held)


def values(format: PackedFormat, arrays: Buffers, shape: tuple[int, int]) -> NDArray[np.float32]:
    """All values of a matrix, one at a time."""
    n, k = shape
    out = np.empty(shape, np.float32)
    for r, c in np.ndindex(n, k):
        held = code(format.codes, arrays["codes"], r * k + c)
        value = np.float32(held - format.zero if format.table is None else format.table[held])
        if format.zeros is not None:
            value = value - number(format, format.zeros, arrays, r, c, k) / np.float32(format.zero_parts)
        value = value * number(format, format.scale, arrays, r, c, k)
        out[r, c] = value if format.low is None else value + number(format, format.low, arrays, r, c, k)
    return out
