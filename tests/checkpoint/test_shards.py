"""Folders of weight files: shards and their index, what does not fit together, and folders without usable weights."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.shards import INDEX, choose
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import MissingFile, PickledWeights, WeightFileError


def shard(folder: Path, homes: dict[str, str], files: dict[str, list[str]]) -> None:
    for file, names in files.items():
        write_safetensors(folder / file, {name: np.full(3, len(name), np.float32) for name in names})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": homes}))


A, B = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def test_shards_are_one_index(tmp_path: Path) -> None:
    shard(tmp_path, {"a": A, "bb": B}, {A: ["a"], B: ["bb"]})
    index = SafetensorsIndex.open(tmp_path)
    assert index.names() == ("a", "bb") and index.read("bb")[0] == 2 and index.info("bb").file == tmp_path / B
    with pytest.raises(WeightFileError, match=re.escape(f"{tmp_path} lacks tensor 'c'")):  # not the one file
        index.read("c")
    with safe_open(tmp_path / B, "numpy") as oracle:
        assert np.array_equal(oracle.get_tensor("bb"), index.read("bb"))
    (tmp_path / "model.safetensors.index.json").unlink()
    assert SafetensorsIndex.open(tmp_path).names() == ("a", "bb")  # numbered and complete: the order is known
    (tmp_path / A).unlink()
    with pytest.raises(WeightFileError, match=re.escape(f"lacks the shard {A}")):
        SafetensorsIndex.open(tmp_path)


@pytest.mark.parametrize(
    ("homes", "files", "message"),
    [
        ({"a": A, "bb": B}, {A: ["a"]}, f"lacks the shard {B}, which .* holds 'bb'"),
        ({"a": A, "bb": B}, {A: ["a"], B: ["bb", "a"]}, "'a' is both in .* and in"),
        ({"a": A, "bb": B, "c": A}, {A: ["a"], B: ["bb"]}, "'c' is in model-00001.*not there"),
        ({"a": A, "bb": A}, {A: ["a"], B: ["bb"]}, "'bb' is in model-00001.*not there"),
        ({}, {A: ["a"]}, "no 'weight_map'"),
        ({"a": 7}, {A: ["a"]}, "which is no file name"),
    ],
)
def test_shards_that_do_not_fit_are_refused(
    tmp_path: Path, homes: dict[str, Any], files: dict[str, list[str]], message: str
) -> None:
    shard(tmp_path, homes, files)
    with pytest.raises(WeightFileError, match=message):
        SafetensorsIndex.open(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../x.safetensors",
        "/etc/x.safetensors",
        "..\\x.safetensors",
        "C:\\x.safetensors",
        "a/../../x.safetensors",
        "sub/x.safetensors",
        "x\0.safetensors",
        "x" * 300 + ".safetensors",
        "CON",
        "x.bin",
        "",
        "..",
        "~/x.safetensors",
        "x.safetensors\n",
    ],
)
def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_safetensors(tmp_path / "x.safetensors", {"a": np.zeros(1, np.float32)})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(WeightFileError, match="is not a safetensors file beside it"):
        SafetensorsIndex.open(folder)


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff", b"{", b'{"weight_map":{"a":"x","a":"y"}}', b"7"])
def test_a_broken_index_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors.index.json").write_bytes(content)
    with pytest.raises(WeightFileError, match=r"model\.safetensors\.index\.json"):
        SafetensorsIndex.open(tmp_path)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["pytorch_model.bin"], PickledWeights, "only as pytorch_model.bin"),
        (["pytorch_model-00001-of-00002.bin"], PickledWeights, "pickle, which can run any code"),
        (["consolidated.00.pth"], PickledWeights, "consolidated.00.pth"),
        (["last.ckpt"], PickledWeights, "last.ckpt"),
        (["training_args.bin", "optimizer.pt"], MissingFile, "has no weights"),
        ([], MissingFile, "has no weights: model.safetensors"),
        (["a.safetensors", "b.safetensors"], MissingFile, "not known which belong together"),
    ],
)
def test_folders_without_usable_weights(tmp_path: Path, names: list[str], error: type[Exception], message: str) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch canary'\ntR.")
    with pytest.raises(error, match=message):
        SafetensorsIndex.open(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(names)


@pytest.mark.parametrize("name", ["mtp.safetensors", "model_mtp.safetensors"])
def test_the_head_lies_in_a_file_beside_the_others(tmp_path: Path, name: str) -> None:
    """Whether the index names it or not, and beside one file, as some programs write it."""
    head = {name: ["mtp.fc.weight"]}
    shard(tmp_path, {"a": A, "bb": B}, {A: ["a"], B: ["bb"], **head})
    assert SafetensorsIndex.open(tmp_path).names() == ("a", "bb", "mtp.fc.weight")
    assert choose([entry.name for entry in tmp_path.iterdir()], "here") == (INDEX, A, B, name)
    shard(tmp_path, {"a": A, "bb": B, "mtp.fc.weight": name}, {})
    assert sorted(SafetensorsIndex.open(tmp_path).names()) == ["a", "bb", "mtp.fc.weight"]
    shard(tmp_path, {"a": A, "bb": B}, {name: ["bb", "mtp.fc.weight"]})
    assert SafetensorsIndex.open(tmp_path).names() == ("a", "bb"), "of two of a name the one that is listed"
    for file in (A, B):
        (tmp_path / file).unlink()
    shard(tmp_path, {"a": "model.safetensors", "mtp.fc.weight": name}, {"model.safetensors": ["a"], **head})
    assert SafetensorsIndex.open(tmp_path).names() == ("a", "mtp.fc.weight")
    (tmp_path / INDEX).unlink()
    assert SafetensorsIndex.open(tmp_path).names() == ("a", "mtp.fc.weight")
    assert choose(["model.safetensors", name, "config.json"], "here") == ("model.safetensors", name)
    with pytest.raises(MissingFile, match="has no weights"):
        choose([name], "here")
