"""Matrices of GGUF records on their way into panels: C++ reads them from their files, takes the records apart and
arranges them, many matrices in one call and in all threads, while Python may do something else.

Knows which fields of a record hold the arrays of a format, and no kind of records by name.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.abi import Number, RecordFault, Scale, Zero
from causerie.backends.native.machine import Machine
from causerie.backends.native.program import RECORD_ARRAYS, RECORD_FIELD, RECORD_ROWS, Packing, number
from causerie.backends.native.quantized import COUNTING, Arranging, byte_table, code_bits
from causerie.errors import OutOfMemory, WeightFileError
from causerie.quant.gguf_records import NEGATED, StoredRecords, no_numbers
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import CODES

MADE = (Scale.FLOAT32, Scale.BYTE, Zero.PARTS, Zero.LOW, Zero.SIXTEENTHS)
"""What panels hold that is made of numbers of a record, where others are what the record has."""
SIGN = 0x8000  # of a float16
SOURCE, SCALE, ZERO, UNIT, LOW_UNIT = range(5)  # of a record's fields, as src/abi.h orders them


@dataclass(frozen=True)
class _Matrix:
    """One of a batch, and what C++ reads of it."""

    records: StoredRecords
    arrays: dict[int, str]  # by their places among a record's fields
    rows: NDArray[np.void]
    memory: tuple[Any, ...]


class RecordBatch:
    """Matrices that are still to be arranged."""

    def __init__(self) -> None:
        self._matrices: list[_Matrix] = []

    @property
    def nbytes(self) -> int:
        """What is to be read."""
        return sum(each.records.extent.nbytes for each in self._matrices)

    def add(self, records: StoredRecords, arranging: Arranging, target: int) -> None:
        """One more, which comes to lie at the address `target`; `taken_from` says whether it can be."""
        numbers, block = _numbers(arranging), records.kind.block
        fields = np.zeros(RECORD_ARRAYS, RECORD_FIELD)
        memory = [_describe(fields[place], each, records, arranging) for place, each in numbers.items()]
        bits, places = code_bits(arranging.format.codes, arranging.flip)
        packing = Packing(target=target, width=arranging.width, target_format=number(Number.CODES))
        packing.rows = records.extent.nbytes // (arranging.width // block.elements * block.nbytes)
        packing.codes, packing.panels = ctypes.addressof(bits), arranging.panels.ctypes.data
        rows = np.zeros(1, RECORD_ROWS)
        rows["packing"], rows["fields"] = ctypes.addressof(packing), fields.ctypes.data
        rows["begin"], rows["record_bytes"] = records.extent.begin, block.nbytes
        rows["record_inputs"] = block.elements
        arrays = {SOURCE: CODES} | {place: each.array for place, each in numbers.items() if each is not None}
        self._matrices.append(_Matrix(records, arrays, rows, (packing, fields, memory, bits, places, arranging)))

    def arrange(self, machine: Machine) -> None:
        """Does so with all, of which none is left then. Raises WeightFileError where a file is not what it was, or has
        scales that are no numbers, and OutOfMemory."""
        matrices, self._matrices = self._matrices, []
        if not matrices:
            return
        files: dict[Path, int] = {}
        try:
            for each in matrices:
                extent = each.records.extent
                if extent.path not in files:
                    files[extent.path] = extent.open(cached=True)
                each.rows["file"] = files[extent.path]
            fault, where = machine.arrange_records(np.concatenate([each.rows for each in matrices]))
        finally:
            for descriptor in files.values():
                os.close(descriptor)
        if fault is not RecordFault.RECORDS_OK:
            matrix, place = divmod(where, RECORD_ARRAYS)
            raise _refusal(fault, matrices[matrix], place)


def taken_from(records: StoredRecords, arranging: Arranging) -> bool:
    """Whether panels hold nothing but what fields of these records are, so that C++ can fill them."""
    scale, zero = arranging.numbers_beside
    return bool(records.kind.places) and scale not in MADE and zero not in MADE


def _numbers(arranging: Arranging) -> dict[int, Numbers | None]:
    """What panels hold, by the place among a record's fields; None stands for the codes."""
    format = arranging.format
    scale, _ = arranging.numbers_beside
    numbers: dict[int, Numbers | None] = {SOURCE: None, SCALE: format.scale}
    if (other := format.zeros or format.low) is not None:
        numbers[ZERO] = other
    if scale in COUNTING:
        units = {UNIT: format.scale.times, LOW_UNIT: None if format.low is None else format.low.times}
        numbers |= {place: each for place, each in units.items() if each is not None}
    return numbers


def _describe(field: np.void, numbers: Numbers | None, records: StoredRecords, arranging: Arranging) -> Any:
    """Fills in where numbers, or codes, lie in a record. What must live as long as the field."""
    array = CODES if numbers is None else numbers.array
    begin, end = records.kind.places[array]
    field["begin"], field["bytes"], field["size"], field["repeated"] = begin, end - begin, 1, 1
    if numbers is None:
        return None
    field["size"] = 2 if numbers.dtype == "F16" else 1
    field["flip"] = SIGN if array == NEGATED else 0
    if numbers.span == "group":
        field["repeated"] = arranging.groups_of_a_line
    if numbers.bits is None:
        return None
    bits, places = code_bits(numbers.bits, 0)
    table = byte_table(numbers)
    field["bits"], field["table"] = ctypes.addressof(bits), 0 if table is None else table.ctypes.data
    return bits, places, table


def _refusal(fault: RecordFault, matrix: _Matrix, place: int) -> WeightFileError | OutOfMemory:
    path, tensor = matrix.records.extent.path, matrix.records.tensor
    if fault is RecordFault.NOT_FINITE:
        return no_numbers(path, tensor, matrix.arrays[place])
    if fault is RecordFault.NO_MEMORY:
        return OutOfMemory(f"The system refused memory for reading {tensor!r} of {path}. Close other programs.")
    return WeightFileError(f"{path} became shorter, or cannot be read any more; tensor {tensor!r} is unread.")
