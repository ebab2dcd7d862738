"""A safetensors file written piece by piece is the file written at once; half a file is no file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.stream import SafetensorsStream
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import CheckpointError, UsageError

ARRAYS = {
    "codes": np.arange(35, dtype=np.uint8).reshape(7, 5),
    "scale": np.arange(7, dtype=np.float32),
    "none": np.zeros((0, 4), np.float16),
}
DECLARED = {"codes": ("U8", (7, 5)), "scale": ("F32", (7,)), "none": ("F16", (0, 4))}


def test_pieces_in_any_order(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "whole", ARRAYS)
    with SafetensorsStream(tmp_path / "pieces", DECLARED) as out:
        out.write("codes", ARRAYS["codes"][4:], first=20)
        out.write("scale", ARRAYS["scale"])
        out.write("codes", ARRAYS["codes"][:4])
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()
    arrays_read = load_file(tmp_path / "pieces")
    assert all(np.array_equal(arrays_read[name], array) for name, array in ARRAYS.items())


def test_tensors_of_whole_pieces_are_aligned(tmp_path: Path) -> None:
    arrays = {"a": np.arange(3, dtype=np.float32), "b": np.arange(512, dtype=np.uint8), "c": np.ones(64, np.float32)}
    declared = {"a": ("F32", (3,)), "b": ("U8", (512,)), "c": ("F32", (64,))}
    with SafetensorsStream(tmp_path / "file", declared, alignment=256) as out:
        for name, array in arrays.items():
            out.write(name, array)
    arrays_read = load_file(tmp_path / "file")
    assert all(np.array_equal(arrays_read[name], array) for name, array in arrays.items())
    with SafetensorsIndex.open(tmp_path / "file") as index:
        mapped = {name: index.map(name) for name in index.names()}
    assert [array.ctypes.data % 256 for name, array in mapped.items() if name != "a"] == [0, 0]
    assert all(np.array_equal(mapped[name], array.view(np.uint8)) for name, array in arrays.items())
    with pytest.raises(ValueError, match="read-only"):
        mapped["b"][0] = 1


def test_half_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")
    with (
        pytest.raises(UsageError, match="'scale' lacks 7 elements"),
        SafetensorsStream(tmp_path / "file", DECLARED) as out,
    ):
        out.write("codes", ARRAYS["codes"])
    with pytest.raises(ZeroDivisionError), SafetensorsStream(tmp_path / "file", DECLARED) as out:
        1 / 0  # noqa: B018 - the failure is the test
    with pytest.raises(UsageError, match="takes 7 more float32"), SafetensorsStream(tmp_path / "file", DECLARED) as out:
        out.write("scale", np.zeros(8, np.float32))
    assert [file.name for file in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_bytes() == b"before"
    with pytest.raises(CheckpointError, match="cannot be written"):
        SafetensorsStream(tmp_path / "no" / "folder", DECLARED)
