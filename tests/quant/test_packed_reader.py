"""A packed matrix is the same in however many parts threads read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from causerie.checkpoint.index import DTYPES, TensorIndex
from causerie.loading import sources
from causerie.loading.sources import packed_reader
from causerie.loading.workers import Workers
from causerie.quant.format import Buffers, Format, ranges
from causerie.quant.formats import QUANTIZED
from causerie.quant.transform import Transform

ROWS, WIDTH = 96, 512


@dataclass(frozen=True)
class Matrix:
    """One whose arrays are in memory; implements `model_matrix.StoredMatrix`."""

    format: Format
    arrays: Buffers
    asked: list[tuple[int, int]]
    shape: tuple[int, int] = (ROWS, WIDTH)
    all_tensors: tuple[str, ...] = ()

    def read(self, index: TensorIndex, start: int, stop: int) -> Buffers:
        self.asked.append((start, stop))
        return {name: self.arrays[name][place] for name, place in ranges(self.format, WIDTH, start, stop).items()}

    def records(self, index: TensorIndex) -> None:
        return None

    def in_order(self, index: TensorIndex) -> tuple[Matrix, Transform | None]:
        return self, None


@pytest.mark.parametrize("name", [name for name, each in QUANTIZED.items() if each.refusal(WIDTH) is None])
def test_parts_are_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PART_BYTES", 1)
    format, random = QUANTIZED[name], np.random.default_rng(3)
    buffers = format.buffers((ROWS, WIDTH))
    arrays = {
        array: np.frombuffer(random.bytes(each.nbytes), DTYPES[each.dtype]).reshape(each.shape)
        for array, each in buffers.items()
    }
    matrix = Matrix(format, arrays, [])
    done: list[int] = []
    with Workers(3) as workers:
        read = packed_reader(matrix, None, workers, done.append)  # type: ignore[arg-type]
        first, last = read(0, 64), read(64, ROWS)
    assert done == [64, ROWS] and len(matrix.asked) > 2
    for array, place in ranges(format, WIDTH, 0, 64).items():
        assert first[array].tobytes() == arrays[array][place].tobytes()
    for array, place in ranges(format, WIDTH, 64, ROWS).items():
        assert last[array].tobytes() == arrays[array][place].tobytes()
