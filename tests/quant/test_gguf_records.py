"""Records of GGUF's blocks have the values that the gguf package gives them, to the last bit: here, in torch, and of
each matrix of a stack, of random bits and of scales at their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from gguf.constants import GGML_QUANT_SIZES
from numpy.typing import NDArray

from causerie.backends.torch.packed import QuantizedMatrix
from causerie.checkpoint.gguf.block_types import BLOCK_TYPES, NO_MODEL_TYPES, PLAIN_TYPES
from causerie.quant.format import ranges
from causerie.quant.gguf_records import RECORDS, RecordKind
from tests.quant.records import BLOCKS, HALVES, oracle, random_rows


def values(kind: RecordKind, rows: NDArray[np.uint8], width: int) -> NDArray[np.float32]:
    return kind.format.decode(kind.arrays(rows, width), (len(rows), width))


def test_types_are_those_of_the_package() -> None:
    """Each of its types is one of blocks, which are all read, or of plain numbers, or refused by its name."""
    sizes = {block.name: (number, block.elements, block.nbytes) for number, block in BLOCK_TYPES.items()}
    assert sizes.pop("Q2_0") == (42, 64, 18)  # newer than the package
    for kind in GGMLQuantizationType:
        if kind.name in sizes:
            assert sizes.pop(kind.name) == (kind.value, *GGML_QUANT_SIZES[kind])
        else:
            assert {**PLAIN_TYPES, **NO_MODEL_TYPES}[kind.value] == kind.name
    assert not sizes and set(HALVES) == set(RECORDS) == set(BLOCKS)


@pytest.mark.parametrize("width", [256, 1024])
@pytest.mark.parametrize("name", RECORDS)
def test_values_are_those_of_the_package(name: str, width: int) -> None:
    rows = random_rows(name, 37, width)
    expected = oracle(name, rows)
    assert np.array_equal(values(RECORDS[name], rows, width), expected) and np.isfinite(expected).all()
    assert len(np.unique(expected)) > 50


@pytest.mark.parametrize("name", [name for name in RECORDS if BLOCKS[name].elements == 32])
def test_widths_of_small_blocks(name: str) -> None:
    rows = random_rows(name, 5, 96)
    assert np.array_equal(values(RECORDS[name], rows, 96), oracle(name, rows))


@pytest.mark.parametrize("name", RECORDS)
def test_torch_has_the_same_values(name: str) -> None:
    rows = random_rows(name, 5, 512, seed=1)
    kind, shape = RECORDS[name], (5, 512)
    tensors: dict[str, Any] = {
        array: torch.from_numpy(numbers.copy()) for array, numbers in kind.arrays(rows, 512).items()
    }
    matrix = QuantizedMatrix(kind.format, shape, tensors)
    some = [4, 0, 2, 4]
    assert np.array_equal(matrix.rows(torch.tensor(some)).numpy(), oracle(name, rows)[some])


@pytest.mark.parametrize("name", RECORDS)
def test_rows_are_taken_apart_by_themselves(name: str) -> None:
    rows = random_rows(name, 8, 256, seed=2)
    kind = RECORDS[name]
    whole, part = kind.arrays(rows, 256), kind.arrays(rows[3:6], 256)
    for array, place in ranges(kind.format, 256, 3, 6).items():
        assert np.array_equal(part[array].view(np.uint8), whole[array][place].view(np.uint8))
