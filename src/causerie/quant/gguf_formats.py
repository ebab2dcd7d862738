"""The formats of GGUF's blocks, by their names in lower case. Their arrays are the fields of a file's records, bit for
bit but for what is said here; loading/block_records.py takes the records apart.

Groups of 32 with scales in float16, of 4.5 to 8.5 bits. Byte i of a group's codes holds input i in its low nibble and
input i + 16 in its high one; fifth bits are 4 bytes in front of them.

    q4_0, q5_0  value = (code - 8) · scale, (code - 16) · scale        q8_0    value = code · scale
    q4_1, q5_1  value = code · scale + low                             iq4_nl  value = table[code] · scale

Groups of 64 (q2_0) and of 128 (q1_0), value = (code - 1) · scale, whose codes have 2 bits, the first one of a byte in
its lowest ones. Files have one bit of q1_0's codes, which says whether it is 2 or 0.

Super-blocks of 256 inputs, whose groups have scales of a few bits that count a float16 of the super-block:

    q2_k        groups of 16; value = code · (scale · d) + low · min, where scale and low have 4 bits
    q3_k        groups of 16; value = (code - 4) · ((scale - 32) · d), 6 bits
    q4_k, q5_k  groups of 32; value = code · (scale · d) + low · min, where scale and low have 6 bits
    q6_k        groups of 16; value = (code - 32) · (scale · d), a signed byte
    iq4_xs      groups of 32; value = table[code] · ((scale - 32) · d), 6 bits
    tq2_0       value = (code - 1) · d; tq1_0 becomes the same

What files subtract as dmin is `min` here, with the other sign, and is added: the same value to the last bit.

The others name points of a grid of 4 or 8 inputs, and signs. Each input becomes a code of 4 bits, into a table of the
few whole numbers that the coordinates of a grid are, with their signs (gguf_grids.py):

    iq3_s, iq3_xxs, iq2_xxs, iq1_s  groups of 32; value = table[code] · (steps[scale] · d), 4 bits
    iq2_s, iq2_xs, iq1_m            groups of 16

Blocks of MXFP4 become `mxfp4` as it is, those of NVFP4 `nvfp4` whose matrices have 1 as their own number.
"""

from __future__ import annotations

from collections.abc import Callable

from causerie.quant.code_bits import SIGNED_BYTES, CodeBits, Plane, low_first
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import PackedFormat

SUPER = 256
"""Inputs of a super-block."""
# fmt: off
IQ4 = (-127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0,
       1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0)
# fmt: on
AROUND_32 = tuple(float(i - 32) for i in range(64))
"""Scales of 6 bits with a sign."""


def _plane(bits: int, count: int, place: Callable[[int], int]) -> Plane:
    return Plane(bits, tuple(map(place, range(count))))


def _halves(i: int, group: int) -> int:
    """The nibble of code i where a byte holds two codes that lie half a group apart."""
    return 2 * (i // group * (group // 2) + i % (group // 2)) + i % group // (group // 2)


def _quarters(i: int) -> int:
    """The pair of bits of code i where a byte holds those of four codes that lie 32 apart."""
    return 4 * (i // 128 * 32 + i % 32) + i % 128 // 32


def _eighths(i: int) -> int:
    """The bit of code i of 256 where a byte holds those of eight codes that lie 32 apart."""
    return 8 * (i % 32) + i // 32


HALVES = CodeBits((_plane(4, 32, lambda i: _halves(i, 32)),), 16)
FIFTHS = CodeBits((_plane(4, 32, lambda i: 8 + _halves(i, 32)), _plane(1, 32, lambda i: i)), 20)
TWO = CodeBits((_plane(2, 128, _quarters),), 32)
THREE = CodeBits((_plane(2, SUPER, lambda i: 4 * 32 + _quarters(i)), _plane(1, SUPER, _eighths)), 96)
FOUR = CodeBits((_plane(4, 64, lambda i: _halves(i, 64)),), 32)
FIVE = CodeBits((_plane(4, SUPER, lambda i: 2 * 32 + _halves(i, 64)), _plane(1, SUPER, _eighths)), 160)
SIX = CodeBits((_plane(4, SUPER, lambda i: _halves(i, 128)), _plane(2, SUPER, lambda i: 4 * 128 + _quarters(i))), 192)

LOW_NIBBLE, HIGH_NIBBLE = (CodeBits((Plane(4, (place,)),), 1) for place in (0, 1))
# Of eight scales and eight lows: the first four of each are the lower bits of bytes 0 to 7. What these have left is the
# upper bits of the other four, whose lower ones are nibbles of bytes 8 to 11.
SCALES_OF_8 = CodeBits((Plane(4, (0, 2, 4, 6, 16, 18, 20, 22)), Plane(2, (2, 6, 10, 14, 3, 7, 11, 15))), 12)
LOWS_OF_8 = CodeBits((Plane(4, (8, 10, 12, 14, 17, 19, 21, 23)), Plane(2, (18, 22, 26, 30, 19, 23, 27, 31))), 12)
SCALES_OF_16 = CodeBits(
    (_plane(4, 16, lambda i: 2 * (i % 8) + i // 8), _plane(2, 16, lambda i: 4 * (8 + i % 4) + i // 4)), 12
)
SCALES_OF_IQ4 = CodeBits((_plane(4, 8, lambda i: 4 + i), _plane(2, 8, lambda i: i)), 6)

SCALE = Numbers("scale", "F16")
LOW = Numbers("low", "F16")
D = Numbers("d", "F16", SUPER)
MIN = Numbers("min", "F16", SUPER)
_SCALES_OF_8 = Numbers("scale", "U8", bits=SCALES_OF_8, times=D)
_LOWS_OF_8 = Numbers("scale", "U8", bits=LOWS_OF_8, times=MIN)


def _grid(name: str, group: int, magnitudes: tuple[float, ...], steps: tuple[float, ...], step: float) -> PackedFormat:
    """A format of codes whose highest bit is a sign."""
    table = (*magnitudes, *(-value for value in magnitudes))
    scale = Numbers("scale", "U8", bits=low_first(4), table=steps, times=D)
    return PackedFormat(name, low_first(4), scale, (group,), table=table, table_step=step)


_ODD = tuple(2.0 * i + 1 for i in range(16))
_QUARTERS = tuple((i + 0.5) / 4 for i in range(16))
_THREE = (8.0, 25.0, 43.0, 43.0, 43.0, 43.0, 43.0, 43.0)  # of which files name the first three
_TERNARY = (-0.875, 0.125, 1.125)

GGUF_FORMATS = (
    PackedFormat("q4_0", HALVES, SCALE, (32,), zero=8),
    PackedFormat("q4_1", HALVES, SCALE, (32,), low=LOW),
    PackedFormat("q5_0", FIFTHS, SCALE, (32,), zero=16),
    PackedFormat("q5_1", FIFTHS, SCALE, (32,), low=LOW),
    PackedFormat("q8_0", SIGNED_BYTES, SCALE, (32,)),
    PackedFormat("q2_0", low_first(2), SCALE, (64,), zero=1),
    PackedFormat("q1_0", low_first(2), SCALE, (128,), zero=1),
    PackedFormat(
        "q2_k",
        TWO,
        Numbers("scale", "U8", bits=LOW_NIBBLE, times=D),
        (16,),
        low=Numbers("scale", "U8", bits=HIGH_NIBBLE, times=MIN),
    ),
    PackedFormat("q3_k", THREE, Numbers("scale", "U8", bits=SCALES_OF_16, table=AROUND_32, times=D), (16,), zero=4),
    PackedFormat("q4_k", FOUR, _SCALES_OF_8, (32,), low=_LOWS_OF_8),
    PackedFormat("q5_k", FIVE, _SCALES_OF_8, (32,), low=_LOWS_OF_8),
    PackedFormat("q6_k", SIX, Numbers("scale", "I8", times=D), (16,), zero=32),
    PackedFormat("iq4_nl", HALVES, SCALE, (32,), table=IQ4, table_step=1.0),
    PackedFormat(
        "iq4_xs",
        HALVES,
        Numbers("scale", "U8", bits=SCALES_OF_IQ4, table=AROUND_32, times=D),
        (32,),
        table=IQ4,
        table_step=1.0,
    ),
    PackedFormat("tq2_0", TWO, Numbers("d", "F16"), (SUPER,), zero=1),
    _grid("iq3_s", 32, _ODD[:8], _ODD, 1.0),
    _grid("iq3_xxs", 32, (4.0, 12.0, 20.0, 28.0, 36.0, 44.0, 52.0, 62.0), tuple(2 * step for step in _QUARTERS), 2.0),
    _grid("iq2_xxs", 32, _THREE, _QUARTERS, 1.0),
    _grid("iq2_xs", 16, _THREE, _QUARTERS, 1.0),
    _grid("iq2_s", 16, _THREE, _QUARTERS, 1.0),
    _grid("iq1_s", 32, (*_TERNARY, 1.125, 1.125, 1.125, 1.125, 1.125), _ODD, 0.125),
    _grid("iq1_m", 16, (*_TERNARY, 1.125, 1.125, 1.125, 1.125, 1.125), _ODD, 0.125),
)
