"""Places of stacks are read whole and once; what is kept has a bound, and reads are those of the index itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.checkpoint import stack_index
from causerie.checkpoint.expression import Every, Place, Tensor, Transposed
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.stack_index import StackIndex
from causerie.checkpoint.writer import write_safetensors

STACK = np.arange(5 * 8 * 6, dtype=np.float32).reshape(5, 8, 6)
BIASES = np.arange(5 * 8, dtype=np.float32).reshape(5, 8)


class Watched(SafetensorsIndex):
    """Notes what is read of it."""

    def read_into(self, name: str, out: NDArray[Any], *rest: Any) -> None:
        """As usual."""
        READ.append((name, out.nbytes))
        super().read_into(name, out, *rest)


READ: list[tuple[str, int]] = []


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SafetensorsIndex:
    write_safetensors(tmp_path / "model.safetensors", {"stack": STACK, "biases": BIASES, "matrix": STACK[0]})
    index = SafetensorsIndex.open(tmp_path)
    index.__class__ = Watched
    READ.clear()
    return index


def test_slices_of_a_place_are_read_once(index: SafetensorsIndex) -> None:
    places = StackIndex(index)
    for turn in (0, 1):
        every = Every(Transposed(Place("stack", 3)), turn, 2)
        parts = [every.read(places, slice(i, i + 1)) for i in range(3)]
        np.testing.assert_array_equal(np.concatenate(parts), STACK[3].T[turn::2])
        biases = Every(Place("biases", 3), turn, 2)
        parts = [biases.read(places, slice(i, i + 2)) for i in (0, 2)]
        np.testing.assert_array_equal(np.concatenate(parts), BIASES[3, turn::2])
    assert sorted(READ) == [("biases", BIASES[0].nbytes), ("stack", STACK[0].nbytes)]


def test_only_the_latest_place_of_a_stack_is_kept(index: SafetensorsIndex) -> None:
    places = StackIndex(index)
    for place in (1, 2, 1):
        np.testing.assert_array_equal(Place("stack", place).read(places, slice(2, 5)), STACK[place, 2:5])
    assert len(READ) == 3
    places.close()
    assert Place("stack", 1).read(places, slice(0, 1)).tolist() == [STACK[1, 0].tolist()] and len(READ) == 4


def test_what_is_kept_has_a_bound(index: SafetensorsIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    places = StackIndex(index)
    monkeypatch.setattr("causerie.checkpoint.stack_index.MOST_BYTES", STACK[0].nbytes)
    Place("biases", 0).read(places), Place("stack", 0).read(places), Place("biases", 0).read(places)
    assert [name for name, _ in READ] == ["biases", "stack", "biases"]
    monkeypatch.setattr("causerie.checkpoint.stack_index.MOST_BYTES", STACK[0].nbytes - 1)
    READ.clear()
    for _ in range(2):
        np.testing.assert_array_equal(Place("stack", 4).read(places, slice(1, 3)), STACK[4, 1:3])
    assert [("stack", STACK[0, 1:3].nbytes)] * 2 == READ


def test_other_reads_are_the_index_s(index: SafetensorsIndex) -> None:
    places = StackIndex(index)
    assert places.names() == index.names() and "stack" in places and "none" not in places
    assert places.info("stack") == index.info("stack")
    np.testing.assert_array_equal(places.read("matrix", slice(2, 4)), STACK[0, 2:4])
    np.testing.assert_array_equal(places.read("stack", slice(1, 3)), STACK[1:3])
    np.testing.assert_array_equal(places.read("stack", slice(6, 10), (40, 6)), STACK.reshape(40, 6)[6:10])
    np.testing.assert_array_equal(places.read("stack", slice(2, 4), (10, 24)), STACK.reshape(10, 24)[2:4])
    out = np.empty((2, 6), np.float32)
    places.read_into("matrix", out, slice(0, 2))
    np.testing.assert_array_equal(out, STACK[0, :2])
    np.testing.assert_array_equal(places.map("matrix").view(np.float32), STACK[0].reshape(-1))
    with pytest.raises(ValueError, match="read-only"):
        places.read("stack", slice(0, 1), (40, 6))[:] = 0


def test_threads_that_want_the_same_place_read_it_once(index: SafetensorsIndex) -> None:
    places = StackIndex(index)
    with ThreadPoolExecutor(4) as threads:
        rows = list(threads.map(lambda i: Place("stack", 2).read(places, slice(i, i + 1)), range(8)))
    np.testing.assert_array_equal(np.concatenate(rows), STACK[2])
    assert len(READ) == 1


def test_columns_are_read_together(index: SafetensorsIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    places, turned = StackIndex(index), Transposed(Tensor("matrix"))
    parts = [turned.read(places, slice(i, i + 2)) for i in (0, 2, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), STACK[0].T)
    assert sum(size for _, size in READ) == STACK[0].nbytes
    READ.clear()
    monkeypatch.setattr(stack_index, "MOST_BYTES", 4 * 8 * 4)  # four columns
    monkeypatch.setattr(stack_index, "_PIECE_BYTES", 3 * 6 * 4)  # three rows
    places = StackIndex(index)
    parts = [turned.read(places, slice(i, i + 2)) for i in (0, 2, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), STACK[0].T)
    assert [size for _, size in READ] == 2 * [3 * 6 * 4, 3 * 6 * 4, 2 * 6 * 4]
    np.testing.assert_array_equal(turned.read(places, slice(1, 6)), STACK[0].T[1:6])
