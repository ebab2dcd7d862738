"""`--strict`, wherever a verb loads a model; and how a strange key of config.json is told without it."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pytest

from causerie.builtin import builtin_model_path
from causerie.cli.main import VERBS, main


@pytest.fixture(autouse=True)
def nothing_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """The built-in model, with keys in its config.json that nobody computes by."""
    folder = tmp_path / "strange"
    shutil.copytree(builtin_model_path(), folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"mergekit": 1, "_model_name_or_path": "a/b"}))
    return folder


def test_every_verb_that_reads_a_model_has_it() -> None:
    for name, (module, _) in VERBS.items():
        assert name == "models" or "--strict" in import_module(module).parser(80).format_help()


@pytest.mark.parametrize(
    "words",
    [
        ["info", "FOLDER"],
        ["fit", "FOLDER", "--hardware", "A100"],
        ["chat", "FOLDER", "-p", "Hello!"],
        ["bench", "FOLDER", "--prompt", "8", "--generate", "2", "--repeat", "1"],
        ["evaluate", "FOLDER", "--quantization", "int8", "--tokens", "8"],
        ["prepare", "FOLDER", "TARGET"],
    ],
    ids=lambda words: words[0],
)
def test_strange_keys_are_told_in_one_sentence_or_refused(
    words: list[str], strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [{"FOLDER": str(strange), "TARGET": str(tmp_path / "target")}.get(word, word) for word in words]
    assert main([*asked, "--strict"]) == 2
    refused = capsys.readouterr().err
    assert "'mergekit' = 1" in refused and "strict=False" not in refused
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main(asked) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "mergekit" in line]
    assert len(told) == 1 and "causerie: config.json has keys" in told[0] and "_model_name_or_path" in told[0]


def test_a_server_has_loaded_its_model_as_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "--url", "http://127.0.0.1:9", "--strict", "-p", "x"]) == 2
    assert "--strict is about a model that is loaded here" in capsys.readouterr().err
