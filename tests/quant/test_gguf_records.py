"""Records of GGUF's blocks have the values that the gguf package gives them, to the last bit: here, in torch, and of
each matrix of a stack, of random bits and of scales at their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize
from numpy.typing import NDArray

from causerie.backends.torch.packed import QuantizedMatrix
from causerie.checkpoint.gguf.block_types import BLOCK_TYPES, PLAIN_TYPES
from causerie.quant.gguf_records import RECORDS, RecordKind

BLOCKS = {block.name: block for block in BLOCK_TYPES.values()}
# Where the float16 numbers of a record lie; of MXFP4, a byte of which 255 is no number.
HALVES = {
    **dict.fromkeys(("Q4_0", "Q5_0", "Q8_0", "IQ4_NL", "IQ4_XS", "IQ3_S", "IQ3_XXS", "IQ2_XXS", "IQ2_XS"), (0,)),
    **dict.fromkeys(("IQ2_S", "IQ1_S"), (0,)),
    **dict.fromkeys(("Q4_1", "Q5_1", "Q4_K", "Q5_K"), (0, 2)),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q6_K": (208,),
    "TQ1_0": (52,),
    "TQ2_0": (64,),
    "MXFP4": (),
    "IQ1_M": (),
}
EDGES = np.array([0.0, -0.0, 2.0**-24, -(2.0**-24), 1023 * 2.0**-24, 65504.0, -65504.0, 1.0, 0.1], np.float16)


def random_rows(name: str, rows: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Rows of records of random bits, with small scales, and at the edges in the first ones."""
    block, draw = BLOCKS[name], np.random.default_rng(seed)
    records = draw.integers(0, 256, (rows * width // block.elements, block.nbytes)).astype(np.uint8)
    for place in HALVES[name]:
        halves = draw.normal(0, 0.01, len(records)).astype(np.float16)
        halves[: len(EDGES)] = np.roll(EDGES, place)[: len(halves)]
        records[:, place : place + 2] = halves[:, None].view(np.uint8)
    if name == "MXFP4":
        records[:, 0] = np.arange(len(records)) % 253  # above it values are none of float32
    if name == "IQ1_M":  # the highest bits of four numbers are a float16
        records[:, 55] &= 0x3F
    return records.reshape(rows, -1)


def oracle(name: str, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values = dequantize(rows, GGMLQuantizationType[name])
    return np.asarray(values.reshape(len(rows), -1), np.float32)


def values(kind: RecordKind, rows: NDArray[np.uint8], width: int) -> NDArray[np.float32]:
    return kind.format.decode(kind.arrays(rows, width), (len(rows), width))


def test_types_are_those_of_the_package() -> None:
    for number, block in BLOCK_TYPES.items():
        kind = GGMLQuantizationType(number)
        assert (kind.name, GGML_QUANT_SIZES[kind]) == (block.name, (block.elements, block.nbytes))
    plain = {number: GGMLQuantizationType(number).name for number in PLAIN_TYPES}
    assert plain == dict(PLAIN_TYPES)
    assert set(HALVES) == set(RECORDS) <= set(BLOCKS)


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
    for array, numbers in part.items():
        assert np.array_equal(numbers.view(np.uint8), whole[array][3:6].view(np.uint8))
