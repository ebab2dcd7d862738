"""Records of GGUF's blocks, taken apart into the arrays of their formats (gguf_formats.py says what these are).

Knows where the fields of a record lie, and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.extent import Extent
from causerie.checkpoint.gguf.block_types import BLOCK_TYPES, BlockType
from causerie.checkpoint.index import DTYPES
from causerie.errors import WeightFileError
from causerie.quant.code_bits import low_first
from causerie.quant.formats import QUANTIZED
from causerie.quant.gguf_formats import TWO
from causerie.quant.gguf_grids import even_signs, points, signs
from causerie.quant.packed_format import PackedFormat

Blocks: TypeAlias = NDArray[np.uint8]
Fields: TypeAlias = dict[str, NDArray[Any]]

NEGATED = "min"
"""The array that files have with the other sign."""
_HIGHEST = np.uint32(0x88888888)  # the highest bit of each nibble
_TWOS = np.uint32(0x22222222)


@dataclass(frozen=True)
class RecordKind:
    """How records [count, bytes] of one kind become arrays of a format; their bytes follow each other as these want
    them."""

    block: BlockType
    format: PackedFormat
    apart: Callable[[Blocks], Fields]
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # of arrays that are fields, where all are

    def arrays(self, rows: Blocks, width: int) -> Fields:
        """The arrays of whole rows [n, bytes] of records, n rows `width` wide."""
        fields = self.apart(rows.reshape(-1, self.block.nbytes))
        arrays: Fields = {}
        for name, buffer in self.format.buffers((len(rows), width)).items():
            field = np.ascontiguousarray(fields[name]).reshape(-1).view(np.uint8)
            arrays[name] = field.view(DTYPES[buffer.dtype]).reshape(buffer.shape)
        return arrays


@dataclass(frozen=True)
class StoredRecords:
    """Whole rows of records that lie in a file one after the other: a matrix, or some rows of a tensor."""

    kind: RecordKind
    extent: Extent
    tensor: str  # what a file calls it


def no_numbers(file: Path, tensor: str, array: str) -> WeightFileError:
    """The error for numbers of a format's array that are none."""
    return WeightFileError(
        f"{file}: tensor {tensor!r} has {array!r} that are infinite or no numbers. The file is damaged; download it "
        "again."
    )


def _kind(
    name: str, format: str, apart: Callable[[Blocks], Fields], places: Mapping[str, tuple[int, int]] | None = None
) -> RecordKind:
    block = next(block for block in BLOCK_TYPES.values() if block.name == name)
    return RecordKind(block, QUANTIZED[format], apart, places or {})


def _of_fields(name: str, places: Mapping[str, tuple[int, int]]) -> RecordKind:
    """One whose arrays are fields of the record; its format has its name."""

    def apart(blocks: Blocks) -> Fields:
        fields: Fields = {name: blocks[:, begin:end] for name, (begin, end) in places.items()}
        if NEGATED in fields:
            fields[NEGATED] = _negated(fields[NEGATED])
        return fields

    return _kind(name, name.lower(), apart, places)


def _negated(halves: Blocks) -> NDArray[np.uint16]:
    return np.ascontiguousarray(halves).view("<u2") ^ np.uint16(0x8000)


def _words(blocks: Blocks, place: slice, dtype: str) -> NDArray[Any]:
    """A field of records as wider numbers."""
    return np.ascontiguousarray(blocks[:, place]).view(dtype)


def _nibbles(numbers: NDArray[Any]) -> Blocks:
    """Numbers of 4 bits, two in a byte."""
    small = numbers.reshape(len(numbers), -1).astype(np.uint8)
    return np.asarray(small[:, ::2] | small[:, 1::2] << np.uint8(4))


def _bits(numbers: NDArray[Any], *places: int, bits: int) -> NDArray[np.uint32]:
    """So many bits of each number from each of these places on: another axis, and flat."""
    shifts = np.array(places, np.uint32)
    fields = numbers.astype(np.uint32)[..., None] >> shifts & np.uint32(2**bits - 1)
    return np.asarray(fields.reshape(len(numbers), -1))


def _by_fours(grid: str, numbers: NDArray[Any]) -> NDArray[np.uint32]:
    """The coordinates of points of 4 inputs, two points together."""
    together: NDArray[np.uint32] = points(grid)[numbers].astype("<u2").view("<u4")
    return together


def _q1_0(blocks: Blocks) -> Fields:
    """Each bit becomes two, of which it is the higher one."""
    codes = _bits(blocks[:, 2:], *range(8), bits=1).astype(np.uint8) << np.uint8(1)
    return {"scale": blocks[:, :2], "codes": low_first(2).packed(codes)}


def _mxfp4(blocks: Blocks) -> Fields:
    codes = np.concatenate((blocks[:, 1:] & np.uint8(15), blocks[:, 1:] >> np.uint8(4)), axis=1)
    return {"scale": blocks[:, :1], "codes": _nibbles(codes)}


def _nvfp4(blocks: Blocks) -> Fields:
    """Scales have no sign, whatever their highest bit is, and 0x7F, which is no number elsewhere, is 0. 0xFF, which no
    quantizer writes, stays what it is in E4M3: no number."""
    scale = np.where(blocks[:, :4] == 0xFF, blocks[:, :4], blocks[:, :4] & np.uint8(0x7F))
    halves = blocks[:, 4:].reshape(-1, 4, 8)
    codes = np.concatenate((halves & np.uint8(15), halves >> np.uint8(4)), axis=2)
    scale = np.where(scale == 0x7F, np.uint8(0), scale)
    return {"scale": scale, "codes": _nibbles(codes), "whole": np.array([1.0], "<f4")}


def _tq1_0(blocks: Blocks) -> Fields:
    powers = np.array([1, 3, 9, 27, 81], np.uint8)
    parts = []
    for begin, end, count in ((0, 32, 5), (32, 48, 5), (48, 52, 4)):
        digits = blocks[:, None, begin:end] * powers[:count, None]  # of numbers in base 3, by what runs over
        parts.append((digits.astype(np.uint16) * 3 >> 8).astype(np.uint8).reshape(len(blocks), -1))
    return {"codes": TWO.packed(np.concatenate(parts, axis=1)), "d": blocks[:, 52:]}


def _iq3_s(blocks: Blocks) -> Fields:
    numbers = blocks[:, 2:66] | _bits(blocks[:, 66:74], *range(8), bits=1) << np.uint32(8)
    codes = _by_fours("iq3_s", numbers) | signs()[blocks[:, 74:106]]
    return {"codes": codes, "scale": blocks[:, 106:], "d": blocks[:, :2]}


def _iq3_xxs(blocks: Blocks) -> Fields:
    words = _words(blocks, slice(66, 98), "<u4")
    codes = _by_fours("iq3_xxs", blocks[:, 2:66]) | even_signs()[_bits(words, 0, 7, 14, 21, bits=7)]
    return {"codes": codes, "scale": _nibbles(words >> np.uint32(28)), "d": blocks[:, :2]}


def _iq2_xxs(blocks: Blocks) -> Fields:
    words = _words(blocks, slice(2, 66), "<u4")
    numbers, rest = np.ascontiguousarray(words[:, ::2]).view(np.uint8), words[:, 1::2]
    codes = points("iq2_xxs")[numbers] | even_signs()[_bits(rest, 0, 7, 14, 21, bits=7)]
    return {"codes": codes, "scale": _nibbles(rest >> np.uint32(28)), "d": blocks[:, :2]}


def _iq2_xs(blocks: Blocks) -> Fields:
    words = _words(blocks, slice(2, 66), "<u2")
    codes = points("iq2_xs")[words & np.uint16(511)] | even_signs()[words >> np.uint16(9)]
    return {"codes": codes, "scale": blocks[:, 66:], "d": blocks[:, :2]}


def _iq2_s(blocks: Blocks) -> Fields:
    numbers = blocks[:, 2:34] | _bits(blocks[:, 66:74], 0, 2, 4, 6, bits=2) << np.uint32(8)
    codes = points("iq2_s")[numbers] | signs()[blocks[:, 34:66]]
    return {"codes": codes, "scale": blocks[:, 74:], "d": blocks[:, :2]}


def _iq1_s(blocks: Blocks) -> Fields:
    words = _words(blocks, slice(34, 50), "<u2")
    numbers = blocks[:, 2:34] | _bits(words, 0, 3, 6, 9, bits=3) << np.uint32(8)
    codes = _moved(points("iq1")[numbers], np.repeat(words >> np.uint16(15), 4, axis=1))
    return {"codes": codes, "scale": _nibbles(words >> np.uint16(12) & np.uint16(7)), "d": blocks[:, :2]}


def _iq1_m(blocks: Blocks) -> Fields:
    words, halves = _words(blocks, slice(48, 56), "<u2"), _bits(blocks[:, 32:48], 0, 4, bits=4)
    numbers = blocks[:, :32] | (halves & np.uint32(7)) << np.uint32(8)
    d = sum((words[:, i] >> np.uint16(12)) << np.uint16(4 * i) for i in range(4))
    codes = _moved(points("iq1")[numbers], halves >> np.uint32(3))
    return {"codes": codes, "scale": _nibbles(_bits(words, 0, 3, 6, 9, bits=3)), "d": np.asarray(d, "<u2")}


def _moved(coordinates: NDArray[np.uint32], down: NDArray[Any]) -> NDArray[np.uint32]:
    """Codes of ternary points, moved up by an eighth, or `down`: these are the others, with all signs turned."""
    return np.where(down != 0, (_TWOS - coordinates) | _HIGHEST, coordinates).astype("<u4")


RECORDS: Mapping[str, RecordKind] = {
    kind.block.name: kind
    for kind in (
        _of_fields("Q4_0", {"scale": (0, 2), "codes": (2, 18)}),
        _of_fields("Q4_1", {"scale": (0, 2), "low": (2, 4), "codes": (4, 20)}),
        _of_fields("Q5_0", {"scale": (0, 2), "codes": (2, 22)}),
        _of_fields("Q5_1", {"scale": (0, 2), "low": (2, 4), "codes": (4, 24)}),
        _of_fields("Q8_0", {"scale": (0, 2), "codes": (2, 34)}),
        _of_fields("Q2_0", {"scale": (0, 2), "codes": (2, 18)}),
        _of_fields("Q2_K", {"scale": (0, 16), "codes": (16, 80), "d": (80, 82), "min": (82, 84)}),
        _of_fields("Q3_K", {"codes": (0, 96), "scale": (96, 108), "d": (108, 110)}),
        _of_fields("Q4_K", {"d": (0, 2), "min": (2, 4), "scale": (4, 16), "codes": (16, 144)}),
        _of_fields("Q5_K", {"d": (0, 2), "min": (2, 4), "scale": (4, 16), "codes": (16, 176)}),
        _of_fields("Q6_K", {"codes": (0, 192), "scale": (192, 208), "d": (208, 210)}),
        _of_fields("IQ4_NL", {"scale": (0, 2), "codes": (2, 18)}),
        _of_fields("IQ4_XS", {"d": (0, 2), "scale": (2, 8), "codes": (8, 136)}),
        _of_fields("TQ2_0", {"codes": (0, 64), "d": (64, 66)}),
        _kind("Q1_0", "q1_0", _q1_0),
        _kind("MXFP4", "mxfp4", _mxfp4),
        _kind("NVFP4", "nvfp4", _nvfp4),
        _kind("TQ1_0", "tq2_0", _tq1_0),
        _kind("IQ3_S", "iq3_s", _iq3_s),
        _kind("IQ3_XXS", "iq3_xxs", _iq3_xxs),
        _kind("IQ2_XXS", "iq2_xxs", _iq2_xxs),
        _kind("IQ2_XS", "iq2_xs", _iq2_xs),
        _kind("IQ2_S", "iq2_s", _iq2_s),
        _kind("IQ1_S", "iq1_s", _iq1_s),
        _kind("IQ1_M", "iq1_m", _iq1_m),
    )
}
"""The kinds that are read, by GGUF's names."""
