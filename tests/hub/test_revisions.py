"""A branch that moved, and a name that means something else now (T29 of the failures of the field)."""

from __future__ import annotations

from pathlib import Path

import pytest

from causerie.checkpoint.hub import pull, resolve
from causerie.errors import ModelNotFound, RevisionWarning
from tests.hub.downloads import (
    NAME,
    is_right,
)
from tests.hub.fake_hub import FakeHub

# T29: a name that means something else now


def test_what_was_downloaded_is_used_wherever_the_branch_moves(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    old = resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False)
    fresh = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"another"}
    commit = hub.repositories[NAME].commit(fresh)
    with pytest.warns(RevisionWarning, match=rf"commit {old.name[:12]} is used, and {commit[:12]}.*models pull {NAME}"):
        assert resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False) == old
    new = pull(NAME, cache=tmp_path, endpoint=hub.url, progress=False)
    assert new.name == commit and (new / "model.safetensors").read_bytes() == b"another"
    assert resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False) == new and is_right(old, weights)
    assert resolve(f"{NAME}@{old.name}", cache=tmp_path, endpoint=hub.url, progress=False) == old


def test_what_was_begun_is_gone_on_with_at_its_commit(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    old = resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False, needs=("config", "tokenizer"))
    hub.repositories[NAME].commit({"config.json": b"[]", "tokenizer.json": b"[]", "model.safetensors": b"another"})
    with pytest.warns(RevisionWarning):
        assert resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False) == old
    assert is_right(old, weights)


def test_a_repository_that_was_made_anew_is_not_mixed_with_the_old(hub: FakeHub, tmp_path: Path) -> None:
    resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False, needs=("config", "tokenizer"))
    hub.repositories.clear()
    hub.add(NAME, {"config.json": b"[]", "tokenizer.json": b"[]", "model.safetensors": b"another", "more.json": b""})
    with (
        pytest.warns(RevisionWarning),
        pytest.raises(
            ModelNotFound, match=r"is on the hub no more: the repository was made anew .*models pull org/model"
        ),
    ):
        resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False)
    hub.repositories.clear()
    with pytest.warns(RevisionWarning, match="What was downloaded of org/model is used: The hub has no model"):
        resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False, needs=("config", "tokenizer"))
