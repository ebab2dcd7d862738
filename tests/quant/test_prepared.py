"""Prepared folders: the same logits to the last bit from a mapped file, and no damaged one is computed with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from causerie import AutoModelForCausalLM
from causerie.backends.native.library import instruction_sets
from causerie.backends.native.program import ESCAPE, PACKED_PANEL, PANEL
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import laid_out
from causerie.cli.main import main
from causerie.errors import CauserieError, ConfigError, Unsupported, UsageError, WeightFileError
from causerie.loading.prepared import ALIGNMENT, check_mapping

PROMPT = [[5, 6, 7, 8, 9]]
RUNNABLE = [each.name for each in instruction_sets() if each.lacking is None]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]


def load(folder: Path, **options: Any) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, backend="native", progress=False, threads=2, **options)


def logits(model: Any) -> Any:
    return np.asarray(model(PROMPT).logits)


def prepared(folder: Path, target: Path, **options: Any) -> Any:
    """A prepared folder, and the logits of the model that it was made from."""
    with load(folder, **options) as model:
        model.save_pretrained(target, prepared=True, progress=False)
        return logits(model)


@pytest.mark.parametrize("home", ["tied", "untied"])
@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "bfloat16", "packing": "lossless"},
        {"dtype": "bfloat16", "packing": "none"},
        {"dtype": "float16"},
        {"dtype": "float32"},
        {"quantization": "int8"},
        {"quantization": "int4"},
        {"quantization": "nf4_double"},
        {"quantization": "bnb_int8"},
    ],
)
def test_the_same_logits(home: str, options: dict[str, str], request: Any, tmp_path: Path) -> None:
    expected = prepared(request.getfixturevalue(home), tmp_path / "a", **options)
    with load(tmp_path / "a") as model:
        assert np.array_equal(logits(model), expected)
        assert model.quantization == options.get("quantization")
        model.save_pretrained(tmp_path / "b", prepared=True, progress=False)
        with pytest.raises(UsageError, match="prepared=True"):
            model.save_pretrained(tmp_path / "c", progress=False)
    names = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert names == sorted(file.name for file in (tmp_path / "b").iterdir()) and "model.safetensors" in names
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    assert load_file(tmp_path / "a" / "model.safetensors")  # by the format's own library


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("options", [{"dtype": "bfloat16", "packing": "lossless"}, {"quantization": "int4"}])
def test_one_file_for_every_instruction_set(
    instruction_set: str, options: dict[str, str], tied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(tied, tmp_path / "folder", **options)
    monkeypatch.setenv("CAUSERIE_INSTRUCTION_SET", instruction_set)
    with load(tied, **options) as model, load(tmp_path / "folder") as mapped:
        assert np.array_equal(logits(mapped), logits(model))


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"quantization": "int8"}])
def test_what_any_backend_reads_has_the_same_logits_too(options: dict[str, str], tied: Path, tmp_path: Path) -> None:
    with load(tied, **options) as model:
        model.save_pretrained(tmp_path / "folder", progress=False)
        with load(tmp_path / "folder") as again:
            assert np.array_equal(logits(again), logits(model))


def test_the_folder_may_be_replaced_while_its_model_runs(tied: Path, tmp_path: Path) -> None:
    expected = prepared(tied, tmp_path / "folder", quantization="int8")
    other = prepared(tied, tmp_path / "other", quantization="int4")
    with load(tmp_path / "folder") as model:
        os.replace(tmp_path / "other" / "model.safetensors", tmp_path / "folder" / "model.safetensors")
        shutil.copy(tmp_path / "other" / "config.json", tmp_path / "folder" / "config.json")
        assert np.array_equal(logits(model), expected)
    with load(tmp_path / "folder") as model:
        assert np.array_equal(logits(model), other)


def test_the_command(untied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", str(untied), str(tmp_path / "folder"), "--quantization", "int8"]) == 0
    assert f"causerie chat {tmp_path / 'folder'}" in capsys.readouterr().out
    assert main(["info", str(tmp_path / "folder"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {part["format"] for part in report["weights"]} == {"int8", "float32"}
    assert main(["bench", str(tmp_path / "folder"), "--prompt", "8", "--generate", "2", "--repeat", "1"]) == 0
    for words, sentence in (
        (("prepare", str(untied)), "FOLDER"),
        (("prepare", str(untied), str(untied)), "another folder"),
        (("prepare", str(untied), str(tmp_path / "b"), "--quantization", "int7"), "int4"),
        (("prepare", str(tmp_path / "folder"), str(tmp_path / "b"), "--quantization", "int4"), "original model"),
    ):
        assert main(list(words)) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_who_can_use_it(tied: Path, tmp_path: Path) -> None:
    prepared(tied, tmp_path / "folder", quantization="int8")
    with AutoModelForCausalLM.from_pretrained(tmp_path / "folder", progress=False) as model:
        assert model.quantization == "int8"  # nobody said which backend
    with pytest.raises(Unsupported, match="prepared for the native backend, and the torch backend"):
        AutoModelForCausalLM.from_pretrained(tmp_path / "folder", backend="torch", progress=False)
    with pytest.raises(UsageError, match="dtype float16"):
        load(tmp_path / "folder", dtype="float16")
    with (
        AutoModelForCausalLM.from_pretrained(tied, backend="torch", progress=False) as model,
        pytest.raises(Unsupported, match="native backend's weights"),
    ):
        model.save_pretrained(tmp_path / "other", prepared=True)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("native", 5, None),
        ("native", 4, "version 5 of the layouts and this program reads 4"),
        ("native", None, "prepared for the native backend"),  # it maps no file, though the folder names it
        ("other", 5, "prepared for the native backend, and the other backend was chosen"),
        ("other", None, "prepared for the native backend, and the other backend was chosen"),
    ],
)
def test_a_folder_is_for_one_backend_and_one_version(name: str, version: int | None, words: str | None) -> None:
    backend: Any = SimpleNamespace(name=name, layout_version=version)
    config = {"quantization_config": {"prepared": {"backend": "native", "version": 5}}}
    if words is None:
        check_mapping(backend, config)
    else:
        with pytest.raises(Unsupported, match=words):
            check_mapping(backend, config)


def changed_config(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        values = json.loads((folder / "config.json").read_text())
        change(values["quantization_config"])
        (folder / "config.json").write_text(json.dumps(values))

    return apply


def all_said(key: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda said: [weight.update({key: value}) for weight in said["weights"].values()]


def changed_matrix(change: Callable[[Bytes], Bytes]) -> Callable[[Path], None]:
    """Of the first layer's gate, in the file."""

    def apply(folder: Path) -> None:
        file = folder / "model.safetensors"
        with SafetensorsIndex.open(file) as index:
            dtypes = {name: index.info(name).dtype for name in index.names()}
            tensors = {name: index.read(name) for name in index.names()}
        name = "model.layers.0.mlp.gate_proj.weight.prepared"
        tensors[name] = change(tensors[name].copy())
        declared = {name: (dtypes[name], array.shape) for name, array in tensors.items()}
        head, places = laid_out(declared, alignment=ALIGNMENT)
        file.unlink()
        with file.open("wb") as out:
            out.write(head)
            for name in sorted(places, key=lambda name: places[name]):
                out.write(tensors[name].tobytes())

    return apply


def in_table(field: str, value: int) -> Callable[[Bytes], Bytes]:
    def change(matrix: Bytes) -> Bytes:
        matrix[: PACKED_PANEL.itemsize].view(PACKED_PANEL)[field] = value
        return matrix

    return change


def exceptions_at(*weights: int) -> Callable[[Bytes], Bytes]:
    """Exceptions of the first panel in the last bytes of the matrix, of these of its weights."""

    def change(matrix: Bytes) -> Bytes:
        table = matrix[: PACKED_PANEL.itemsize].view(PACKED_PANEL)
        table["escapes"], table["escape_count"] = len(matrix) - len(weights) * ESCAPE.itemsize, len(weights)
        matrix[-len(weights) * ESCAPE.itemsize :].view(ESCAPE)["at"] = weights
        return matrix

    return change


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (changed_config(lambda said: said["prepared"].update(version=99)), Unsupported, "version 99"),
        (changed_config(lambda said: said["prepared"].update(backend="cuda")), UsageError, "'cuda'"),
        (changed_config(lambda said: said.update(prepared=3)), ConfigError, "backend and version"),
        (changed_config(lambda said: said.pop("weights")), ConfigError, "no 'weights'"),
        (changed_config(all_said("layout", "heaps")), WeightFileError, "no layout 'heaps'"),
        (changed_config(all_said("layout", "rows")), WeightFileError, "bytes"),
        (changed_config(all_said("layout", "panels")), WeightFileError, "bytes"),
        (changed_config(all_said("format", "int4")), WeightFileError, "no layout 'packed'"),
        (changed_config(all_said("format", "float32")), WeightFileError, "bytes"),
        (changed_config(all_said("format", "int3")), ConfigError, "format and layout"),
        (changed_matrix(lambda matrix: matrix[:128]), WeightFileError, "multiple of 256"),
        (changed_matrix(lambda matrix: matrix[:0]), WeightFileError, "table of its panels"),
        (changed_matrix(lambda matrix: matrix[:-256]), WeightFileError, "panel 1 lies outside"),
        (changed_matrix(in_table("data", 2**63)), WeightFileError, "panel 0 lies outside"),
        (changed_matrix(in_table("data", 3)), WeightFileError, "panel 0 lies outside"),
        (changed_matrix(in_table("escapes", 2**40)), WeightFileError, "panel 0 lies outside"),
        (changed_matrix(in_table("escape_count", 2**32 - 1)), WeightFileError, "lies outside"),
        (changed_matrix(exceptions_at(5, 4)), WeightFileError, "not in order"),
        (changed_matrix(exceptions_at(5, 5)), WeightFileError, "not in order"),
        (changed_matrix(exceptions_at(5, PANEL * 64)), WeightFileError, "not in order"),  # of 64 inputs
    ],
)
def test_damage_is_told(
    damage: Callable[[Path], None], error: type[CauserieError], words: str, tied: Path, tmp_path: Path
) -> None:
    prepared(tied, tmp_path / "folder", dtype="bfloat16", packing="lossless")
    damage(tmp_path / "folder")
    with pytest.raises(CauserieError, match=words) as raised:
        AutoModelForCausalLM.from_pretrained(tmp_path / "folder", progress=False)
    assert isinstance(raised.value, error)
