"""Weights as expressions over tensors: each reads, by any slices, what numpy makes of the whole tensor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from causerie.checkpoint.elementwise import Plus
from causerie.checkpoint.expression import (
    ALL,
    Columns,
    Every,
    Expression,
    Flattened,
    Joined,
    Place,
    Rows,
    ShapeError,
    Squeezed,
    Tensor,
    Transposed,
)
from causerie.checkpoint.head_rows import Turns, Unpermuted
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors

MATRIX = np.arange(24 * 10, dtype=np.float32).reshape(24, 10)
STACK = np.arange(5 * 6 * 4, dtype=np.float32).reshape(5, 6, 4)
VECTOR = np.linspace(-1, 1, 12, dtype=np.float32)


def _halves(matrix: NDArray[Any], heads: int) -> NDArray[Any]:
    """llama.cpp's permutation of query rows, undone: its converter swaps the axes of [heads, 2, dims / 2]."""
    size = len(matrix) // heads
    return np.concatenate([np.concatenate([head[0::2], head[1::2]]) for head in matrix.reshape(heads, size, -1)])


CASES: list[tuple[Expression, Callable[[], NDArray[Any]]]] = [
    (Tensor("m"), lambda: MATRIX),
    (Rows(Tensor("m"), 3, 17), lambda: MATRIX[3:17]),
    (Columns(Tensor("m"), 2, 9), lambda: MATRIX[:, 2:9]),
    (Transposed(Tensor("m")), lambda: MATRIX.T),
    (Rows(Transposed(Tensor("m")), 1, 8), lambda: MATRIX.T[1:8]),
    (Every(Tensor("m"), 1, 3), lambda: MATRIX[1::3]),
    (Place("s", 2), lambda: STACK[2]),
    (Transposed(Place("s", 4)), lambda: STACK[4].T),
    (Every(Place("s", 0), 1, 2), lambda: STACK[0][1::2]),
    (Rows(Every(Place("s", 3), 0, 2), 1, 3), lambda: STACK[3][0::2][1:3]),
    (Turns(Tensor("m"), 1, 4, 6), lambda: MATRIX.reshape(4, 6, 10)[:, 1:4].reshape(12, 10)),
    (Turns(Tensor("m"), 5, 6, 6), lambda: MATRIX[5::6]),
    (Rows(Turns(Tensor("m"), 0, 4, 6), 3, 15), lambda: MATRIX.reshape(4, 6, 10)[:, :4].reshape(16, 10)[3:15]),
    (Squeezed(Tensor("c")), lambda: MATRIX),
    (Unpermuted(Tensor("m"), 3), lambda: _halves(MATRIX, 3)),
    (Rows(Columns(Transposed(Tensor("m")), 4, 20), 2, 9), lambda: MATRIX.T[:, 4:20][2:9]),
]

VECTORS: list[tuple[Expression, NDArray[Any]]] = [
    (Turns(Tensor("v"), 2, 3, 4), VECTOR[2::4]),
    (Joined((Tensor("v"), Rows(Tensor("v"), 2, 5))), np.concatenate([VECTOR, VECTOR[2:5]])),
    (Unpermuted(Flattened(Tensor("m")), 2), _halves(MATRIX.reshape(-1, 1), 2)[:, 0]),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SafetensorsIndex:
    folder: Path = tmp_path_factory.mktemp("expressions")
    tensors = {"m": MATRIX, "s": STACK, "v": VECTOR, "c": MATRIX[:, None, :]}
    write_safetensors(folder / "model.safetensors", tensors)
    return SafetensorsIndex.open(folder)


@pytest.mark.parametrize(("expression", "expected"), CASES, ids=lambda case: getattr(case, "key", ""))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_slice_is_that_of_the_whole(
    index: SafetensorsIndex, expression: Expression, expected: Callable[[], NDArray[Any]], data: st.DataObject
) -> None:
    whole = expected()
    assert expression.shape(index) == whole.shape
    assert np.array_equal(expression.read(index), whole)
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    left, right = sorted(data.draw(st.tuples(*[st.integers(0, whole.shape[1])] * 2)))
    assert np.array_equal(expression.read(index, slice(first, last)), whole[first:last])
    part = expression.read(index, slice(first, last), slice(left, right))
    assert np.array_equal(part, whole[first:last, left:right])
    assert np.array_equal(expression.read(index, ALL, slice(left, right)), whole[:, left:right])


@pytest.mark.parametrize(("expression", "expected"), VECTORS, ids=lambda case: getattr(case, "key", ""))
@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 3), (1, 2), (2, 3)])
def test_any_part_of_a_vector(
    index: SafetensorsIndex, expression: Expression, expected: NDArray[Any], first: int, last: int
) -> None:
    assert expression.shape(index) == expected.shape
    assert np.array_equal(expression.read(index), expected)
    assert np.array_equal(expression.read(index, slice(first, last)), expected[first:last])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flattened_matrix_is_read_by_any_slice(index: SafetensorsIndex, data: st.DataObject) -> None:
    for inner, whole in ((Tensor("m"), MATRIX.ravel()), (Transposed(Squeezed(Tensor("c"))), MATRIX.T.ravel())):
        flat = Flattened(inner)
        assert flat.shape(index) == whole.shape and np.array_equal(flat.read(index), whole)
        first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
        assert np.array_equal(flat.read(index, slice(first, last)), whole[first:last])


def test_one_is_added_in_float32(index: SafetensorsIndex, tmp_path: Path) -> None:
    added = Plus(Tensor("v"))
    assert added.dtype(index) == "F32"
    assert np.array_equal(added.read(index, slice(2, 5)), VECTOR[2:5] + 1)
    bits = np.array([0x3B80], np.uint16)  # 2^-8 in bfloat16, of which 1 + it has no place in bfloat16
    write_safetensors(tmp_path / "model.safetensors", {"v": bits}, dtypes={"v": "BF16"})
    with SafetensorsIndex.open(tmp_path) as small:
        assert Plus(Tensor("v")).read(small).tolist() == [1.00390625]


@pytest.mark.parametrize(
    "expression",
    [
        Rows(Tensor("m"), 20, 25),
        Columns(Tensor("m"), 0, 11),
        Every(Tensor("m"), 0, 5),
        Place("s", 5),
        Transposed(Tensor("s")),
        Flattened(Tensor("s")),
        Unpermuted(Tensor("m"), 5),
        Turns(Tensor("m"), 0, 2, 5),
        Place("v", 0),
    ],
    ids=lambda expression: expression.key,
)
def test_what_a_tensor_is_too_small_for_is_told(index: SafetensorsIndex, expression: Expression) -> None:
    with pytest.raises(ShapeError):
        expression.shape(index)


def test_the_layers_number_goes_to_every_tensor() -> None:
    expression = Rows(Transposed(Place("layers.{i}.experts", 3)), 0, 2)
    named = expression.named(lambda name: name.replace("{i}", "7"))
    assert named.tensors == ("layers.7.experts",)
    assert named.key == "layers.7.experts[3].T[0:2]"
    assert Tensor("a.{i}").named(lambda name: name.replace("{i}", "0")).key == "a.0"
