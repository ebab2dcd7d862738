"""What is known of a model on the hub that was never downloaded, where its files say something of their own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie import builtin_model_path
from causerie.api.fit import surveyed_checkpoint as module
from causerie.api.fit.inspection import inspect
from causerie.api.fit.surveyed_checkpoint import surveyed
from causerie.api.options.load_options import LoadOptions
from causerie.checkpoint.remote import RemoteIndex
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import CheckpointError

FILE = "model.safetensors"


class Content:
    """A remote file whose bytes are at hand; `furthest` is the last that was asked for."""

    furthest = 0

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, offset: int, count: int) -> bytes:
        Content.furthest = max(Content.furthest, offset + count)
        return self._content[offset : offset + count]


def remote(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As if the model of a folder were on the hub, and only its config.json here."""

    def resolve(name: str, *, needs: Any, **_: Any) -> Path:
        if "weights" in needs:
            raise CheckpointError("not in the cache")
        return folder

    content = (folder / FILE).read_bytes()
    sizes = {FILE: len(content)}
    monkeypatch.setattr(module, "resolve", resolve)
    monkeypatch.setattr(module, "remote_index", lambda *_: RemoteIndex("org/m", sizes, lambda _: Content(content)))  # type: ignore[arg-type,return-value]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The built-in model, whose head is its embedding, with that head stored a second time."""
    with SafetensorsIndex.open(builtin_model_path()) as index:
        tensors = {name: index.read(name) for name in index.names()}
        dtypes = {name: index.info(name).dtype for name in index.names()}
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    dtypes["lm_head.weight"] = dtypes["model.embed_tokens.weight"]
    made = tmp_path / "twice"
    made.mkdir()
    shutil.copy(Path(builtin_model_path()) / "config.json", made)
    write_safetensors(made / FILE, tensors, dtypes={name: dtypes[name] for name in tensors if dtypes[name] == "BF16"})
    return made


def test_a_head_that_is_stored_twice_is_not_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote(monkeypatch, folder)
    Content.furthest = 0
    known = surveyed("org/m", LoadOptions())
    assert known.known_from == "headers" and not known.here and known.remark is None
    assert known.weights.spec.tied and Content.furthest < (folder / FILE).stat().st_size / 10
    assert inspect("org/m").nbytes == inspect("builtin").nbytes and inspect("org/m").stored_bytes is None


def test_weights_that_do_not_belong_to_the_config_leave_the_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_safetensors(folder / FILE, {"other": np.zeros(4, np.float32)})
    remote(monkeypatch, folder)
    known = surveyed("org/m", LoadOptions())
    assert known.known_from == "config" and "lacks" in str(known.remark)
    assert known.weights.spec.parameters == surveyed("builtin", LoadOptions()).weights.spec.parameters
