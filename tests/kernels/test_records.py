"""What C++ reads of GGUF's records from a file lies in panels as numpy's arrays of the same records do, byte for byte;
and files that are not what they were are refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.backends.native.machine import Machine
from causerie.backends.native.quantized import Arranging, code_bytes
from causerie.backends.native.records import RecordBatch, taken_from
from causerie.checkpoint.extent import Extent, identity_of
from causerie.errors import WeightFileError
from causerie.quant.gguf_records import RECORDS, StoredRecords
from tests.quant.records import weight_rows

FIELDS = [name for name, kind in RECORDS.items() if kind.places]
ROWS, WIDTH, BEGIN = 131, 768, 77  # rows of three panels, the last one not full


def stored(folder: Path, name: str, rows: NDArray[np.uint8]) -> StoredRecords:
    """Rows in a file, behind others' bytes."""
    file = folder / name
    file.write_bytes(bytes(BEGIN) + rows.tobytes())
    descriptor = os.open(file, os.O_RDONLY)
    extent = Extent(file, BEGIN, rows.nbytes, identity_of(descriptor))
    os.close(descriptor)
    return StoredRecords(RECORDS[name], extent, f"{name}.weight")


def arranged(machine: Machine, *matrices: StoredRecords) -> list[NDArray[np.uint8]]:
    """The panels of matrices that C++ reads in one call."""
    batch, panels = RecordBatch(), []
    for each in matrices:
        arranging = Arranging.of(each.kind.format.name, WIDTH)
        assert taken_from(each, arranging)
        panels.append(np.zeros(code_bytes(arranging.panels, (ROWS, WIDTH)), np.uint8))
        batch.add(each, arranging, panels[-1].ctypes.data)
    batch.arrange(machine)
    return panels


@pytest.mark.parametrize("threads", [1, 2])
def test_panels_are_those_of_the_arrays(threads: int, tmp_path: Path) -> None:
    machine = Machine(threads)
    rows = {name: weight_rows(name, ROWS, WIDTH) for name in FIELDS}
    read = arranged(machine, *(stored(tmp_path, name, each) for name, each in rows.items()))
    for name, panels in zip(FIELDS, read, strict=True):
        arranging = Arranging.of(RECORDS[name].format.name, WIDTH)
        expected = np.zeros_like(panels)
        packing, _arrays = arranging.packing(RECORDS[name].arrays(rows[name], WIDTH), expected.ctypes.data, 0, ROWS)
        machine.pack(packing)
        assert np.array_equal(panels, expected), name
        assert panels.any()


def test_a_scale_that_is_no_number_is_refused_by_the_first_name(tmp_path: Path) -> None:
    matrices = []
    for name in ("Q8_0", "Q4_K", "Q6_K"):
        rows = weight_rows(name, ROWS, WIDTH).copy()
        if name != "Q8_0":  # an infinite d of the last row's last record
            begin, end = RECORDS[name].places["d"]
            block = RECORDS[name].block.nbytes
            rows[-1, -block + begin : rows.shape[1] - block + end] = np.array([0x7C00], "<u2").view(np.uint8)
        matrices.append(stored(tmp_path, name, rows))
    with pytest.raises(WeightFileError, match=r"Q4_K'?: tensor 'Q4_K.weight' has 'd' that are infinite"):
        arranged(Machine(2), *matrices)


def test_a_file_that_ends_before_its_rows_is_refused(tmp_path: Path) -> None:
    whole = stored(tmp_path, "Q8_0", weight_rows("Q8_0", ROWS, WIDTH))
    longer = replace(whole, extent=replace(whole.extent, begin=BEGIN + 1))
    with pytest.raises(WeightFileError, match="became shorter"):
        arranged(Machine(1), longer)
    os.truncate(whole.extent.path, 1000)
    with pytest.raises(WeightFileError, match="changed while it was loading"):
        arranged(Machine(1), whole)
