"""A repository of GGUF files: which of them is downloaded, that it is one and no more, and what is found again without
a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from causerie.checkpoint.hub import HubName, hub_name, pull, resolve
from causerie.errors import MissingFile, ModelNotFound, UsageError
from tests.hub.fake_hub import FakeHub, running_hub
from tests.hub.gguf_model import tiny_gguf

NAME = "org/tiny-GGUF"
FIRST, SECOND = "Q6_K/tiny-Q6_K-00001-of-00002.gguf", "Q6_K/tiny-Q6_K-00002-of-00002.gguf"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr("causerie.hub.patience._FIRST_WAIT", 0.0)
    parts = tiny_gguf(2, parts=2)
    with running_hub() as hub:
        files = {
            "tiny-Q8_0.gguf": tiny_gguf(0)[0],
            "tiny-Q4_K_M.gguf": tiny_gguf(1)[0],
            FIRST: parts[0],
            SECOND: parts[1],
            "mmproj-tiny-F16.gguf": b"GGUF which nobody reads",
            "README.md": b"# read",
            "config.json": b"{}",
        }
        hub.add(NAME, files)
        yield hub


@pytest.fixture
def where(hub: FakeHub, tmp_path: Path) -> dict[str, Any]:
    return {"endpoint": hub.url, "cache": tmp_path / "cache", "progress": False}


def name_of(place: Path) -> str:
    return place.relative_to(next(each for each in place.parents if each.parent.name == "snapshots")).as_posix()


def test_names_with_a_kind_behind_them() -> None:
    assert hub_name("org/a") == HubName("org/a", "main", None)
    assert hub_name("org/a-GGUF:Q6_K") == HubName("org/a-GGUF", "main", "Q6_K")
    assert hub_name("org/a@v1:sub/b c.gguf") == HubName("org/a", "v1", "sub/b c.gguf")
    for wrong in ("org/a:", "org/a:../b", "org/a:/etc/passwd", "org/a:b:c", "org/a:" + "x" * 300):
        with pytest.raises(UsageError, match="is no GGUF file"):
            hub_name(wrong)
    for wrong in ("https://huggingface.co/org/a", "llama3.2:1b", "org:Q6_K"):
        with pytest.raises(ModelNotFound):
            hub_name(wrong)


def test_the_usual_kind_is_taken_and_nothing_else(hub: FakeHub, where: dict[str, Any]) -> None:
    place = resolve(NAME, **where)
    assert name_of(place) == "tiny-Q4_K_M.gguf" and place.read_bytes() == tiny_gguf(1)[0]
    assert hub.served == ["tiny-Q4_K_M.gguf"]
    assert resolve(NAME, offline=True, **where) == place == resolve(f"{NAME}:q4_k_m", **where)
    assert hub.served == ["tiny-Q4_K_M.gguf"]


def test_a_kind_that_is_named_comes_with_all_its_parts(hub: FakeHub, where: dict[str, Any]) -> None:
    place = resolve(f"{NAME}:Q6_K", **where)
    assert name_of(place) == FIRST
    assert (place.parent / Path(SECOND).name).read_bytes() == tiny_gguf(2, parts=2)[1]
    assert sorted(hub.served) == [FIRST, SECOND]
    assert resolve(NAME, offline=True, **where) == place  # the only one there is here
    assert name_of(resolve(f"{NAME}:tiny-Q8_0.gguf", **where)) == "tiny-Q8_0.gguf"
    assert name_of(resolve(NAME, offline=True, **where)) == "tiny-Q8_0.gguf"  # the usual of what is here
    assert name_of(pull(NAME, **where)) == "tiny-Q4_K_M.gguf"  # of what the hub has


def test_what_is_not_there_is_said(hub: FakeHub, where: dict[str, Any]) -> None:
    with pytest.raises(MissingFile, match=r"has no GGUF file 'Q5_K_M'.*There are: .*tiny-Q8_0\.gguf"):
        resolve(f"{NAME}:Q5_K_M", **where)
    with pytest.raises(ModelNotFound, match="is not in the cache, and the network was not to be used"):
        resolve(f"{NAME}:Q8_0", offline=True, **where)
    resolve(f"{NAME}:Q8_0", **where)
    with pytest.raises(MissingFile, match="only partly in the cache, and the network was not to be used"):
        resolve(f"{NAME}:Q6_K", offline=True, **where)
    hub.add("org/parts", {"a-00001-of-00002.gguf": b"GGUF"})
    with pytest.raises(MissingFile, match="not all parts are there"):
        resolve("org/parts", **where)
    hub.add("org/several", {"a-Q5_K_M.gguf": b"GGUF", "a-Q3_K_S.gguf": b"GGUF"})
    with pytest.raises(MissingFile, match=r"Say which: org/several:Q\d"):
        resolve("org/several", **where)
    hub.add("org/up", {"../a.gguf": b"GGUF"})
    with pytest.raises(OSError, match="no plain name of a file"):
        resolve("org/up", **where)
    assert not list(where["cache"].parent.glob("a.gguf"))


def test_safetensors_go_before_gguf_where_nobody_names_a_kind(hub: FakeHub, where: dict[str, Any]) -> None:
    whole = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"x" * 99, "a.gguf": tiny_gguf()[0]}
    hub.add("org/both", whole)
    assert resolve("org/both", **where).is_dir() and "a.gguf" not in hub.served
    assert name_of(resolve("org/both:a.gguf", **where)) == "a.gguf"
