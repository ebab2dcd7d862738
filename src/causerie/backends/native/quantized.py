"""How a packed format lies in panels, and what C++ makes them from: its description (quant/packed_format.py) in the
terms of src/code_panels.h. Knows no format by name, but for asking the list of formats.

Numbers that a kernel reads as they are stored (bfloat16 scales of bytes; bytes that count units of a row) stay what
they are. All others become float32, a scale for each group of at most as many inputs as share one as activations, with
zero points as whole numbers of parts of a step: the values are those of the description to the last bit.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import library
from causerie.backends.native.abi import Layout, Number, Scale, Zero
from causerie.backends.native.program import CODE_PANELS, PANEL, CodeBits, Packing, number
from causerie.quant.format import Buffers
from causerie.quant.formats import QUANTIZED
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import CODES, PackedFormat
from causerie.quant.weight import BYTES

INPUTS = {8: 64, 4: 128}
"""Activations that share a scale at most, by the bits of codes in panels: as many as that part's error allows."""
SIXTEENTHS = 16


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
    bits = 4 if format.codes.bits <= 4 and not format.exact_inputs else 8
    inputs = gcd(INPUTS[bits], width) if format.arithmetic == "int8" else 0
    scale, zero = Scale.FLOAT32, Zero.NONE
    if format.zeros is not None:
        zero = Zero.PARTS
    elif format.low is not None:
        zero = Zero.LOW
    line, center = format.line(width), format.zero + _flip(format)
    if _is_stored(format.scale, "BF16") and (bits, center, zero) == (8, 128, Zero.NONE) and line == inputs:
        scale = Scale.BFLOAT16
    elif bits == 4 and line == 32 and _counts_units(format):
        scale, zero = Scale.BYTE, Zero.SIXTEENTHS
    panels["bits"], panels["tabled"] = bits, format.table is not None
    panels["group"], panels["input_group"] = gcd(line, inputs) if inputs else line, inputs
    panels["scale"], panels["zero"] = number(scale), number(zero)
    panels["center"], panels["parts"], panels["factor"] = center, format.zero_parts, format.factor
    return panels


def _flip(format: PackedFormat) -> int:
    """The highest bit of a code in two's complement, by whose change it counts from 0."""
    return 2 ** (format.codes.bits - 1) if format.codes.signed else 0


def _is_stored(numbers: Numbers | None, dtype: str) -> bool:
    """Whether numbers are stored one for each group, and are what is stored."""
    return numbers == Numbers("" if numbers is None else numbers.array, dtype)


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

    def slice_rows(self, most_bytes: int) -> int:
        """How many rows to read at a time: whole panels, and what the format's arrays can be cut at."""
        step = lcm(PANEL, self.format.row_step(self.width))
        return max(1, most_bytes // (self.width * 4 * step)) * step

    def write_table(self, address: int) -> None:
        """The values of codes that name them, where the panels begin."""
        if self.format.table is not None:
            table = np.array(self.format.table, np.float32)
            ctypes.memmove(address, table.ctypes.data, table.nbytes)

    def packing(self, arrays: Buffers, target: int, first: int, rows: int) -> tuple[ctypes.Structure, Any]:
        """The packing of some rows, and what must live as long as it is used."""
        bits, begins = _code_bits(self.format)
        inputs = {"source": np.ascontiguousarray(arrays[CODES]), **self._numbers(arrays, rows)}
        packing = Packing(target=target, first=first, rows=rows, width=self.width, target_format=number(Number.CODES))
        packing.codes, packing.panels = ctypes.addressof(bits), self.panels.ctypes.data
        for name, array in inputs.items():
            setattr(packing, name, array.ctypes.data)
        return packing, (inputs, bits, begins)

    def _numbers(self, arrays: Buffers, rows: int) -> dict[str, NDArray[Any]]:
        """What panels hold beside codes, by the fields of Packing."""
        format, scale = self.format, self.panels["scale"][0]
        if scale != number(Scale.FLOAT32):
            stored = {"scale": format.scale, "zero": format.zeros, "unit": format.scale.times}
            return {name: np.ascontiguousarray(arrays[each.array]) for name, each in stored.items() if each is not None}
        numbers = {"scale": self._shared(format.scale, arrays, rows)}
        if format.zeros is not None:
            numbers["scale"] /= np.float32(format.zero_parts)
            numbers["zero"] = (-self._shared(format.zeros, arrays, rows)).astype(np.int32)
        if format.low is not None:
            numbers["zero"] = self._shared(format.low, arrays, rows)
        return numbers

    def _shared(self, numbers: Numbers, arrays: Buffers, rows: int) -> NDArray[np.float32]:
        """One for each group of the panels."""
        shared = self.format.shared(numbers, arrays, (rows, self.width))
        return np.repeat(shared, self.format.line(self.width) // int(self.panels["group"][0]), axis=1)


def _code_bits(format: PackedFormat) -> tuple[ctypes.Structure, NDArray[np.int32]]:
    """How C++ finds a format's codes."""
    planes, codes = format.codes.planes, format.codes
    begins = np.array([[plane.beginning(i) for i in range(codes.run)] for plane in planes], np.int32)
    bits = CodeBits(run=codes.run, run_bytes=codes.run_bytes, planes=len(planes), flip=_flip(format))
    bits.begins = begins.ctypes.data
    for i, plane in enumerate(planes):
        bits.bits[i] = plane.bits
    return bits, begins
