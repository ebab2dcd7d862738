"""How a packed format lies in panels, and what C++ makes them from: its description (quant/packed_format.py) in the
terms of src/code_panels.h. Knows no format by name, but for asking the list of formats.

Numbers that a kernel reads as they are stored (of 16 bits; bytes that count units of a row, or a float16 that several
groups share; exponents of codes that name whole numbers) stay what they are. All others become float32, a scale for
each group of at most as many inputs as share one as activations, with zero points as whole numbers of parts of a step:
the values are those of the description to the last bit.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, replace
from functools import cache
from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import library
from causerie.backends.native.abi import Layout, Number, Scale, Zero
from causerie.backends.native.program import CODE_PANELS, E4M3_TABLE, PANEL, CodeBits, Packing, member, number
from causerie.quant.code_bits import CodeBits as Bits
from causerie.quant.code_bits import Plane
from causerie.quant.format import Buffers
from causerie.quant.formats import QUANTIZED
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import CODES, PackedFormat
from causerie.quant.tables import E8M0
from causerie.quant.weight import BYTES

FEW_INPUTS, MANY_INPUTS = 64, 128
"""Activations that share a scale at most: many where codes have 4 bits, or steps of what many weights share, by whose
error that of activations is small."""
SIXTEENTHS = 16
COUNTING = (Scale.BYTE, Scale.STEPS, Scale.SIGNED_STEPS)
PLANED = {5: 32, 6: 16}
"""Bits of codes that lie in two planes in panels, by the multiple of what such a group has."""
STEPPED = {(4, False), (4, True), (5, True), (6, False)}
"""Bits of codes in panels, and whether lowest values are added, for which kernels know steps."""
E4M3_PARTS = 256.0
"""Of what a byte of E4M3 stands for, kernels multiply by one, and by a scale that is as many times what it is."""
BIASED = 128
"""What a number of a table counts from that lie too far apart to be counted from the lowest."""
MOST_STEPPED = 1024
"""Weights that share what steps are of, at most, and are divided by: as many as kernels unpack at a time."""


def code_panels(format: str, width: int) -> NDArray[np.void] | None:
    """The CodePanels of a matrix of a packed format; None for another format."""
    return _panels(QUANTIZED[format], width) if format in QUANTIZED else None


def code_bytes(panels: NDArray[np.void], shape: tuple[int, ...]) -> int:
    """What a quantized matrix takes."""
    return int(library.kernels().causerie_code_bytes(panels.ctypes.data, shape[0], shape[1]))


def held_bytes(format: str, layout: Layout, shape: tuple[int, ...]) -> int:
    """What a vector or a matrix takes that is not packed: whole panels, with an even number of inputs for bfloat16."""
    if len(shape) == 2 and (panels := code_panels(format, shape[1])) is not None:
        return code_bytes(panels, shape)
    size = int(BYTES[format])
    if len(shape) == 1:
        return -(-shape[0] // PANEL) * PANEL * size
    if layout is Layout.ROWS:
        return shape[0] * shape[1] * size
    even = shape[1] % 2 if format == "bfloat16" else 0
    return -(-shape[0] // PANEL) * PANEL * (shape[1] + even) * size


def _panels(format: PackedFormat, width: int) -> NDArray[np.void]:
    """How kernels are to read a format."""
    panels: NDArray[np.void] = np.zeros(1, CODE_PANELS)
    stepped, line = _stepped(format), format.line(width)
    most = MANY_INPUTS if stepped or (format.codes.bits <= 4 and not format.exact_inputs) else FEW_INPUTS
    inputs = gcd(most, width) if format.arithmetic == "int8" else 0
    group = gcd(line, inputs) if inputs else line
    bits = _bits(format, group)
    panels["bits"], panels["stepped"] = bits, stepped
    panels["tabled"] = E4M3_TABLE if format.arithmetic == "bfloat16" else format.table is not None
    panels["group"], panels["input_group"] = group, inputs
    scale, zero = (_scale(format), _zero(format)) if inputs else (Scale.FLOAT32, Zero.NONE)
    if bits == 4 and line == 32 and _counts_units(format):
        scale, zero = Scale.BYTE, Zero.SIXTEENTHS
    panels["scale"], panels["zero"] = number(scale), number(zero)
    panels["center"], panels["parts"], panels["factor"] = format.zero + _flip(format), format.zero_parts, format.factor
    if format.table_step is not None:
        panels["center"], panels["factor"] = _table_center(format), format.table_step
    return panels


def _bits(format: PackedFormat, group: int) -> int:
    """Of a code in panels."""
    bits = format.codes.bits
    if bits <= 4 and not format.exact_inputs:
        return 4
    planes = format.arithmetic == "int8" and PLANED.get(bits)
    return bits if planes and group % planes == 0 else 8


def _scale(format: PackedFormat) -> Scale:
    """How scales lie where products are whole numbers."""
    own = format.scale
    if _stepped(format):
        return Scale.SIGNED_STEPS if _has_sign(own) else Scale.STEPS
    if format.zero_parts == 1 and _is_stored(own, "BF16"):
        return Scale.BFLOAT16
    if format.zero_parts == 1 and _is_stored(own, "F16"):
        return Scale.FLOAT16
    return Scale.EXPONENT if format.table_step is not None and own.table == E8M0 else Scale.FLOAT32


def _zero(format: PackedFormat) -> Zero:
    """How what stands beside scales lies there."""
    low = format.low
    if format.zeros is not None:
        byte = format.zero_parts == 1 and _in_a_byte(format.zeros) and not _has_sign(format.zeros)
        return Zero.BYTE if byte else Zero.PARTS
    if low is None:
        return Zero.NONE
    if _stepped(format):
        return Zero.SIGNED_STEPS if _has_sign(low) else Zero.STEPS
    return Zero.FLOAT16 if _is_stored(low, "F16") else Zero.BFLOAT16 if _is_stored(low, "BF16") else Zero.LOW


def _stepped(format: PackedFormat) -> int:
    """How many weights share the float16 that scales, and lowest values where there are such, count in bytes; 0 where
    they do not."""
    spans = {_unit_span(each) for each in (format.scale, format.low) if each is not None}
    kernel = (4 if format.codes.bits <= 4 else format.codes.bits, format.low is not None)
    alike = format.zeros is None and format.arithmetic == "int8" and len(spans) == 1
    return spans.pop() if alike and kernel in STEPPED else 0


def _unit_span(numbers: Numbers) -> int:
    """Of the float16 that whole numbers in a byte are multiplied with; 0 where these are something else."""
    unit = numbers.times
    if unit is None or not isinstance(unit.span, int) or MOST_STEPPED % unit.span or unit.span % MANY_INPUTS:
        return 0
    alike = (
        numbers.over is None
        and _in_a_byte(replace(numbers, times=None))
        and unit == Numbers(unit.array, "F16", unit.span)
    )
    return unit.span if alike else 0


def _in_a_byte(numbers: Numbers | None) -> bool:
    """Whether they are whole numbers, one for each group, that a byte holds."""
    if numbers is None or numbers.times or numbers.over or numbers.plus or numbers.span != "group" or numbers.rows != 1:
        return False
    table = numbers.table or (0.0,)
    return numbers.dtype in ("U8", "I8") and all(each == int(each) and -128 <= each < 128 for each in table)


def _table_center(format: PackedFormat) -> int:
    """What a table's whole numbers are counted from: the lowest, where bytes less than BIASED can."""
    steps = _steps(format)
    lowest, highest = int(steps.min()), int(steps.max())
    return -lowest if highest - lowest < BIASED else BIASED


def _steps(format: PackedFormat) -> NDArray[np.int32]:
    """The values of a table of whole numbers, in steps."""
    return (np.array(format.table) / format.table_step).astype(np.int32)


def _flip(format: PackedFormat) -> int:
    """The highest bit of a code in two's complement, by whose change it counts from 0."""
    return 2 ** (format.codes.bits - 1) if format.codes.signed else 0


def _is_stored(numbers: Numbers | None, dtype: str) -> bool:
    """Whether numbers are stored one for each group, and are what is stored."""
    return numbers == Numbers("" if numbers is None else numbers.array, dtype)


def _has_sign(numbers: Numbers) -> bool:
    signed = numbers.dtype == "I8" or (numbers.bits is not None and numbers.bits.signed)
    return signed if numbers.table is None else min(numbers.table) < 0


def _counts_units(format: PackedFormat) -> bool:
    """Whether scales are bytes that count a row's unit in bfloat16, and zero points bytes that count sixteenths."""
    unit = format.scale.times
    return (
        unit is not None
        and format.scale == Numbers(format.scale.array, "U8", times=Numbers(unit.array, "BF16", "row"))
        and _is_stored(format.zeros, "U8")
        and format.zero_parts == SIXTEENTHS
        and not format.codes.signed
    )


@dataclass(frozen=True)
class Arranging:
    """A matrix of a packed format on its way into panels."""

    format: PackedFormat
    width: int
    panels: NDArray[np.void]

    @staticmethod
    def of(format: str, width: int) -> Arranging:
        """Of a format's name."""
        known = QUANTIZED[format]
        return Arranging(known, width, _panels(known, width))

    @property
    def flip(self) -> int:
        """What turns the format's codes into such as count from 0."""
        return _flip(self.format)

    @property
    def numbers_beside(self) -> tuple[Scale, Zero]:
        """How what stands beside codes lies in panels."""
        return member(Scale, self.panels["scale"][0]), member(Zero, self.panels["zero"][0])

    @property
    def groups_of_a_line(self) -> int:
        """Groups of the panels that share what the format says once."""
        return self.format.line(self.width) // int(self.panels["group"][0])

    def slice_rows(self, most_bytes: int) -> int:
        """How many rows to read at a time: whole panels, and what the format's arrays can be cut at."""
        step = lcm(PANEL, self.format.row_step(self.width))
        return max(1, most_bytes // (self.width * 4 * step)) * step

    def write_table(self, address: int) -> None:
        """The values of codes that name them, where the panels begin."""
        if self.format.table is None:
            return
        table: NDArray[Any] = np.array(self.format.table, np.float32)
        if self.panels["tabled"][0] == E4M3_TABLE:
            table /= np.float32(E4M3_PARTS)
        if self.format.table_step is not None:
            table = (_steps(self.format) + int(self.panels["center"][0])).astype(np.uint8)
        ctypes.memmove(address, table.ctypes.data, table.nbytes)

    def packing(self, arrays: Buffers, target: int, first: int, rows: int) -> tuple[ctypes.Structure, Any]:
        """The packing of some rows, and what must live as long as it is used."""
        bits, places = code_bits(self.format.codes, self.flip)
        inputs = {"source": np.ascontiguousarray(arrays[CODES]), **self._numbers(arrays, rows)}
        packing = Packing(target=target, first=first, rows=rows, width=self.width, target_format=number(Number.CODES))
        packing.codes, packing.panels = ctypes.addressof(bits), self.panels.ctypes.data
        for name, array in inputs.items():
            setattr(packing, name, array.ctypes.data)
        return packing, (inputs, bits, places)

    def _numbers(self, arrays: Buffers, rows: int) -> dict[str, NDArray[Any]]:
        """What panels hold beside codes, by the fields of Packing."""
        format = self.format
        scale, zero = self.numbers_beside
        numbers = {"scale": self._own(format.scale, arrays, rows, stored=scale is not Scale.FLOAT32)}
        if self.panels["tabled"][0] == E4M3_TABLE:
            numbers["scale"] = numbers["scale"] * np.float32(E4M3_PARTS)
        if zero is Zero.PARTS and format.zeros is not None:
            if format.zero_parts != 1:
                numbers["scale"] /= np.float32(format.zero_parts)
            numbers["zero"] = (-self._own(format.zeros, arrays, rows, stored=False)).astype(np.int32)
        elif (other := format.zeros or format.low) is not None:
            numbers["zero"] = self._own(other, arrays, rows, stored=zero is not Zero.LOW)
        if scale in COUNTING:
            units = {"unit": format.scale.times, "low_unit": None if format.low is None else format.low.times}
            numbers |= {name: np.ascontiguousarray(arrays[each.array]) for name, each in units.items() if each}
        return numbers

    def _own(self, numbers: Numbers, arrays: Buffers, rows: int, *, stored: bool) -> NDArray[Any]:
        """One for each group of the panels: as it is stored, but without what it counts, or as float32."""
        line, each_line = self.format.line(self.width), self.groups_of_a_line
        if not stored:
            own = self.format.shared(numbers, arrays, (rows, self.width))
        else:
            own = arrays[numbers.array]
            if numbers.bits is not None:
                own = numbers.bits.unpacked(own).reshape(rows, -1)[:, : self.width // line]
            if (table := byte_table(numbers)) is not None:
                own = table[own]
        return np.repeat(own, each_line, axis=1) if each_line > 1 else np.ascontiguousarray(own)


def byte_table(numbers: Numbers) -> NDArray[Any] | None:
    """What codes of numbers that panels hold as bytes name; None where they are those bytes themselves."""
    if numbers.table in (None, E8M0):
        return None
    return np.array(numbers.table, np.int8 if _has_sign(numbers) else np.uint8)


@cache
def code_bits(codes: Bits, flip: int) -> tuple[ctypes.Structure, NDArray[np.int32]]:
    """How C++ finds codes, and turns those with a sign; and the arrays that it reads there."""
    planes = codes.planes
    begins = np.array([[plane.beginning(i) for i in range(codes.run)] for plane in planes], np.int32)
    stretches = np.array([_stretches(*each) for each in zip(begins, planes, strict=True)], np.int32)
    bits = CodeBits(run=codes.run, run_bytes=codes.run_bytes, planes=len(planes), flip=flip)
    places = np.stack((begins, stretches))
    bits.begins, bits.stretches = places[0].ctypes.data, places[1].ctypes.data
    for i, plane in enumerate(planes):
        bits.bits[i] = plane.bits
    return bits, places


def _stretches(begins: NDArray[np.int32], plane: Plane) -> list[int]:
    """Of each code of a run, how many from it on C++ can take together: see CodeBits in src/abi.h."""
    stretches = [1] * len(begins)
    for i in reversed(range(len(begins) - 1)):
        if begins[i + 1] == begins[i] + 8:
            stretches[i] += stretches[i + 1]
    for i in range(len(begins) - 7) if plane.bits == 1 else ():
        if begins[i] % 8 == 0 and np.array_equal(begins[i : i + 8], begins[i] + np.arange(8)):
            stretches[i] = -8
    return stretches
