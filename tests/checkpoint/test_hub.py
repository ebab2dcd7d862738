"""From a name to a folder, against a hub of our own on this machine: no test here reaches the network."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie.builtin import builtin_model_path
from causerie.checkpoint.hub import resolve
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import (
    CheckpointError,
    GatedModel,
    HubUnavailable,
    MissingFile,
    ModelNotFound,
    PickledWeights,
    UsageError,
    WeightFileError,
)
from tests.hub.fake_hub import FakeHub, Fault, on, running_hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr("causerie.hub.patience._FIRST_WAIT", 0.0)
    weights = tmp_path / "made.safetensors"
    write_safetensors(weights, {"w": np.arange(4, dtype=np.float32)})
    files = {
        "config.json": b"{}",
        "tokenizer.json": b'{"version": "1.0"}',
        "model.safetensors": weights.read_bytes(),
        "chat_template.jinja": b"{{ messages }}",
        "README.md": b"# read me",
        "pytorch_model.bin": b"pickled",
        "consolidated.safetensors": b"the same again",
        "modeling_evil.py": b"raise SystemExit",
    }
    with running_hub() as hub:
        repository = hub.add("org/model", files)
        repository.revisions["v1"] = repository.revisions["main"]
        yield hub


def away(status: int) -> Fault:
    return lambda exchange: exchange.answer(status)


def fetch(hub: FakeHub, cache: Path, name: str = "org/model", revision: str | None = None, **options: Any) -> Path:
    return resolve(name, revision, cache=cache, endpoint=hub.url, progress=False, **options)


def model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    write_safetensors(folder / "model.safetensors", {"w": np.zeros(1, np.float32)})
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    return folder


def test_a_download_fetches_what_is_needed_and_nothing_that_can_run(hub: FakeHub, tmp_path: Path) -> None:
    folder = fetch(hub, tmp_path / "cache")
    names = ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"]
    assert sorted(entry.name for entry in folder.iterdir()) == names == sorted(hub.served)
    assert SafetensorsIndex.open(folder).read("w").tolist() == [0, 1, 2, 3]
    hub.served.clear()
    assert fetch(hub, tmp_path / "cache", "org/model@main") == folder and hub.served == []
    assert fetch(hub, tmp_path / "cache", revision="v1") == folder


def test_only_the_tokenizer_where_only_that_is_needed(hub: FakeHub, tmp_path: Path) -> None:
    fetch(hub, tmp_path / "cache", needs=("tokenizer",))
    assert "model.safetensors" not in hub.served and "tokenizer.json" in hub.served
    with pytest.raises(MissingFile, match="only partly in the cache, and the network was not to be used"):
        fetch(hub, tmp_path / "cache", offline=True)


def test_the_cache_serves_offline_and_when_the_hub_is_away(hub: FakeHub, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folder = fetch(hub, cache)
    assert fetch(hub, cache, offline=True) == folder
    hub.fault = on("api", away(503))
    assert fetch(hub, cache) == folder
    nobody = FakeHub()
    nobody.url = "http://127.0.0.1:9"
    assert fetch(nobody, cache) == folder
    with pytest.raises(
        ModelNotFound, match=r"org/other is not in the cache, and the hub cannot be reached \(nobody answers"
    ):
        fetch(nobody, cache, "org/other")
    with pytest.raises(ModelNotFound, match=r"cannot be reached \(it answered 503\)"):
        fetch(hub, cache, "org/other")
    with pytest.raises(ModelNotFound, match=r"the network was not to be used\. Connect and load it once"):
        fetch(hub, cache, "org/model@v1", offline=True)


def test_what_the_hub_refuses_is_said_plainly(hub: FakeHub, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(ModelNotFound, match="The hub has no model org/absent"):
        fetch(hub, cache, "org/absent")
    with pytest.raises(ModelNotFound, match="org/model has no revision 'v2'"):
        fetch(hub, cache, "org/model@v2")
    hub.repositories["org/model"].gated = True
    with pytest.raises(
        GatedModel, match=rf"Open {hub.url}/org/model, ask for access, then log in with `hf auth login`"
    ):
        fetch(hub, cache)
    hub.fault = away(403)
    with pytest.raises(GatedModel, match="refused org/model"):
        fetch(hub, cache)


def test_what_a_repository_lacks_is_said_before_anything_is_downloaded(hub: FakeHub, tmp_path: Path) -> None:
    files = next(iter(hub.repositories["org/model"].commits.values()))
    cases: list[tuple[list[str], type[Exception], str]] = [
        (
            ["model.safetensors", "consolidated.safetensors"],
            PickledWeights,
            "org/other has its weights only as pytorch_model",
        ),
        (["pytorch_model.bin"], MissingFile, "org/other has no weights"),
        (["tokenizer.json"], MissingFile, "org/other has no tokenizer"),
        (["config.json"], MissingFile, "org/other has no config.json"),
    ]
    for gone, error, message in cases:
        for name in gone:
            files.pop(name)
        hub.add("org/other", files)
        if gone[0] == "pytorch_model.bin":
            files["model.safetensors"] = b""
        with pytest.raises(error, match=message):
            fetch(hub, tmp_path / "cache", "org/other")
    assert hub.served == []


def test_a_download_that_fails_leaves_nothing_that_looks_whole(hub: FakeHub, tmp_path: Path) -> None:
    hub.fault = on("store", away(416))
    with pytest.raises(
        HubUnavailable, match=r"model.safetensors of org/model did not finish: .* 416, 5 times in a row.*kept"
    ):
        fetch(hub, tmp_path / "cache")
    with pytest.raises(CheckpointError, match=r"is (only partly|not) in the cache"):
        fetch(hub, tmp_path / "cache", offline=True)
    hub.fault = None
    assert SafetensorsIndex.open(fetch(hub, tmp_path / "cache")).names() == ("w",)


def test_a_full_disk_is_noticed_first(hub: FakeHub, tmp_path: Path) -> None:
    large = {"sha256": "0" * 64, "size": 10**15, "pointerSize": 134}
    names = {"config.json": "{}", "tokenizer.json": "{}"}
    siblings = [{"rfilename": name, "size": 2, "blobId": "0" * 40} for name in names]
    siblings.append({"rfilename": "model.safetensors", "size": 134, "blobId": "0" * 40, "lfs": large})
    hub.repositories["org/model"].facts["siblings"] = siblings
    with pytest.raises(CheckpointError, match=r"org/model needs 1000000\.0 GB more; .* GB are free in"):
        fetch(hub, tmp_path / "cache")
    assert hub.served == []


def test_local_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model_folder(tmp_path / "models" / "smollm")
    monkeypatch.chdir(tmp_path)
    assert resolve(folder) == folder and resolve("./models/smollm") == Path("models/smollm")
    assert resolve("models/smollm") == Path("models/smollm")  # a folder wins over a hub id
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/models/smollm") == folder
    with pytest.raises(UsageError, match="no meaning for the local folder"):
        resolve(folder, "main")
    with pytest.raises(ModelNotFound, match=r"There is no folder ./models/smolm. Did you mean models/smollm\?"):
        resolve("./models/smolm")
    with pytest.raises(ModelNotFound, match=r"is a file; a model is a folder"):
        resolve(folder / "config.json")
    with pytest.raises(MissingFile, match=r"has no config.json.*Did you mean .*smollm\?"):
        resolve(tmp_path / "models")
    with pytest.raises(ModelNotFound, match=r"'Models' is neither .* Did you mean models\?"):
        resolve("Models")


def test_the_built_in_model_has_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model_folder(tmp_path / "builtin")
    monkeypatch.chdir(tmp_path)
    assert str(resolve("builtin", needs=())) == builtin_model_path()
    with pytest.raises(ModelNotFound, match=r"Did you mean builtin"):
        resolve("bultin")


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_that_lacks_something(tmp_path: Path, gone: str) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / gone).unlink()
    with pytest.raises(MissingFile, match=f"has no .*{gone.split('.')[0]}"):
        resolve(folder)
    assert resolve(folder, needs=()) == folder


def test_a_folder_that_lacks_a_shard(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    shutil.move(folder / "model.safetensors", folder / "model-00001-of-00002.safetensors")
    homes = {"w": "model-00001-of-00002.safetensors", "v": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": homes}))
    with pytest.raises(WeightFileError, match=r"lacks the shard model-00002-of-00002.safetensors"):
        resolve(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/b/c",
        "a//b",
        "a/",
        "/a",
        "a/..",
        "a/b/",
        "a b/c",
        "-a/b",
        "a/b.",
        "a/b--c",
        "a/b..c",
        "a\\b",
        "a/b\n",
        "model",
    ],
)
def test_names_that_are_neither_folder_nor_id(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound):
        resolve(name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("revision", ["", "..", "a/../b", "-x", "a//b", "/x", "x" * 201, "a b"])
def test_revisions_that_are_none(revision: str) -> None:
    with pytest.raises(UsageError, match="is not a revision"):
        resolve(f"org/model@{revision}")


def test_two_revisions_and_no_name() -> None:
    with pytest.raises(UsageError, match="two revisions"):
        resolve("org/model@a", "b")
    with pytest.raises(UsageError, match="name is empty"):
        resolve("")
