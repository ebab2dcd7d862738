"""`causerie models` with GGUF files: each is a model of its own, that is listed, shown, verified and deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from causerie.cli.main import main
from tests.hub.fake_hub import FakeHub, running_hub
from tests.hub.gguf_model import PARAMETERS, tiny_gguf

NAME = "org/tiny-GGUF"
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    parts = tiny_gguf(2, parts=2)
    with running_hub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        files = {"tiny-Q8_0.gguf": tiny_gguf(0)[0], "tiny-Q4_K_M.gguf": tiny_gguf(1)[0], "mmproj-F16.gguf": b"GGUF"}
        hub.add(NAME, files | {f"tiny-Q6_K-{i + 1:05d}-of-00002.gguf": part for i, part in enumerate(parts)})
        yield hub


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(["models", *words])
        return code, *capsys.readouterr()

    return run


def names(said: Said, *words: str) -> list[str]:
    return [row["name"] for row in json.loads(said(*words, "--json")[1]) if row["name"] != "builtin"]


def test_files_are_pulled_listed_and_deleted_one_by_one(hub: FakeHub, said: Said, tmp_path: Path) -> None:
    code, out, _ = said("pull", NAME)
    assert code == 0 and "tiny-Q4_K_M.gguf" in out and f"{len(tiny_gguf(1)[0]) / 1e3:.1f} kB" in out
    assert said("pull", f"{NAME}:Q6_K")[0] == 0
    assert sorted(names(said)) == [f"{NAME}:Q4_K_M", f"{NAME}:Q6_K"]
    rows = {row["name"]: row for row in json.loads(said("--json")[1])}
    row = rows[f"{NAME}:Q6_K"]
    assert row["bytes"] == sum(map(len, tiny_gguf(2, parts=2))) and row["parameters"] == PARAMETERS
    assert (row["family"], row["precision"], row["runs"], row["fits"]) == ("llama", "Q6_K", True, "stored")
    shown = json.loads(said("show", f"{NAME}:Q6_K", "--json")[1])
    assert shown["here"]["name"] == f"{NAME}:Q6_K" and len(shown["hub"]["files"]) == 5
    assert json.loads(said("show", NAME, "--json")[1])["here"]["name"] == f"{NAME}:Q4_K_M"
    assert said("verify")[:2] == (0, "3 files of 1 model: 3 right, 0 not.\n")
    code, out, _ = said("rm", f"{NAME}:Q6_K", "--yes")
    assert code == 0 and "are free again" in out
    assert names(said) == [f"{NAME}:Q4_K_M"]
    assert len(list((tmp_path / "cache").rglob("blobs/*"))) == 1
    code, _, err = said("rm", f"{NAME}:Q6_K", "--yes")
    assert code == 2 and "has no GGUF file 'Q6_K'" in err
    assert said("rm", f"{NAME}:q4_k_m", "--yes")[0] == 0
    code, _, err = said("rm", f"{NAME}:Q4_K_M", "--yes")
    assert code == 2 and f"{NAME} is not in the cache" in err
    assert names(said) == [] and not list((tmp_path / "cache").glob("models--*"))


def test_one_that_is_damaged_is_told(hub: FakeHub, said: Said, tmp_path: Path) -> None:
    said("pull", NAME)
    (blob,) = (tmp_path / "cache").rglob("blobs/*")
    blob.write_bytes(blob.read_bytes()[:-40])
    assert "tiny-Q4_K_M.gguf is wrong" in said("verify")[1]
    assert f"{NAME}:Q4_K_M is not whole: " in said()[1]


def test_files_of_a_folder_of_models(said: Said, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.gguf").write_bytes(tiny_gguf()[0])
    for i, part in enumerate(tiny_gguf(2, parts=2)):
        (folder / "deep" / f"b-Q8_0-{i + 1:05d}-of-00002.gguf").write_bytes(part)
    listed = json.loads(said("--models-dir", str(folder), "--json")[1])
    rows = {row["name"]: row for row in listed if row["place"] == "folder"}
    first = str(folder / "deep" / "b-Q8_0-00001-of-00002.gguf")
    assert set(rows) == {str(folder / "a.gguf"), first} and rows[first]["parameters"] == PARAMETERS
    assert said("show", first)[1].startswith(f"model         {first}")
