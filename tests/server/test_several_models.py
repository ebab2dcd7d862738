"""Several models on one port: loaded when first asked for, with progress; freed when idle, or when memory is needed."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from causerie import builtin_model_path
from causerie.cli.verbs.serve import draft_names
from causerie.errors import OutOfMemory, UnknownName, UsageError
from causerie.server.processes.engine import models
from causerie.server.processes.engine.models import Models
from causerie.server.processes.jobs import EngineOptions, ModelState
from tests.server.server_process import Server, serving


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A second model, and one that is damaged."""
    made = tmp_path_factory.mktemp("several")
    for name in ("second", "damaged"):
        shutil.copytree(builtin_model_path(), made / name)
    (made / "damaged" / "model.safetensors").write_bytes(b"\0" * 64)
    return [str(made / "second"), str(made / "damaged")]


@pytest.fixture(scope="module")
def several(folders: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("log"), "builtin", *folders, "--unload-after", "2") as started:
        yield started


def states(server: Server) -> list[str]:
    return [model["status"] for model in server.get("/v1/models").json()["data"]]


def events(server: Server, model: str) -> list[dict[str, Any]]:
    with httpx.stream("POST", f"{server.url}/load_model", json={"model": model}, timeout=60) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: ")]


def test_loads_are_streamed_and_what_is_idle_is_freed(several: Server, folders: list[str]) -> None:
    several.wait(lambda: states(several)[1:] == ["unloaded", "unloaded"])
    *loading, ready = events(several, folders[0])
    assert loading and all(event["status"] == "loading" and event["model"] == folders[0] for event in loading)
    shares = [event["progress"]["current"] for event in loading]
    assert shares == sorted(shares) and shares[-1] <= 100
    assert ready == {"status": "ready", "model": folders[0], "cached": False}
    assert events(several, folders[0]) == [{**ready, "cached": True}]
    assert states(several)[1] == "loaded"
    several.wait(lambda: states(several)[1] == "unloaded", 10)


def test_a_model_is_loaded_when_it_is_asked(several: Server, folders: list[str]) -> None:
    said = [several.said("What is a token?", model=model) for model in ("builtin", folders[0])]
    assert said[0] == said[1] != ""


def test_one_that_cannot_be_loaded(several: Server, folders: list[str]) -> None:
    """It is said, without the folders of the machine, and the others go on."""
    *_, last = events(several, folders[1])
    assert last["status"] == "error" and "model.safetensors" in last["message"]
    assert str(Path(folders[1]).parent) not in last["message"]
    assert several.chat("Hi", model=folders[1]).status_code >= 400
    assert several.said("What is a token?")
    unknown = several.post("/load_model", {"model": "third"})
    assert unknown.status_code == 404 and unknown.json()["error"]["code"] == "model_not_found"


class Fake:
    """A model that takes `needs` of the memory there is."""

    def __init__(self, memory: list[int], needs: int) -> None:
        if memory[0] < needs:
            raise OutOfMemory(f"it needs {needs}")
        self._memory, self._needs = memory, needs
        memory[0] -= needs

    def close(self) -> None:
        self._memory[0] += self._needs


def test_the_one_unused_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = [10]

    def opened(name: str, options: dict[str, Any], progress: Callable[[int, int, str], None], folder: None) -> Any:
        return Fake(memory, {"a": 4, "b": 4, "c": 4, "huge": 20}[name])

    monkeypatch.setattr(models, "_open", opened)
    monkeypatch.setattr(models, "facts", lambda model, promise: {})
    monkeypatch.setattr(models, "promise_of", lambda model, threads: None)
    monkeypatch.setattr(models, "sentence", lambda model, promise: None)
    told: list[ModelState] = []

    async def run() -> None:
        models = Models(EngineOptions(["a", "b", "c", "huge"]), told.append)
        for name in ("a", "b"):
            models.release(await models.use(name))
        models.release(await models.use("a"))
        c = await models.use("c")  # b was not used for longest
        assert sorted(models.loaded) == ["a", "c"]
        a = await models.use("a")
        with pytest.raises(UsageError, match="a is used by a request"):
            await models.unload("a")
        with pytest.raises(OutOfMemory):
            await models.use("b")  # both others are in use
        assert sorted(models.loaded) == ["a", "c"]
        models.release(a)
        models.release(c)
        await models.unload("a")
        await models.unload("b")  # is not in memory
        assert sorted(models.loaded) == ["c"] and memory == [6]
        with pytest.raises(UnknownName):
            await models.use("d")
        with pytest.raises(OutOfMemory):
            await models.use("huge")
        await models.close()

    asyncio.run(run())
    assert memory == [10] and ModelState("b", None) in told and told[-1] == ModelState("huge", None)


def test_each_model_has_the_draft_that_was_named_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drafts = draft_names(["small", "b=other"], ["a", "b"])
    assert drafts == {"": "small", "b": "other"}
    opened: dict[str, Any] = {}

    def note(name: str, options: dict[str, Any], progress: Callable[[int, int, str], None], folder: None) -> Any:
        opened[name] = options
        return Fake([1], 1)

    monkeypatch.setattr(models, "_open", note)
    monkeypatch.setattr(models, "facts", lambda model, promise: {})
    monkeypatch.setattr(models, "promise_of", lambda model, threads: None)
    monkeypatch.setattr(models, "sentence", lambda model, promise: None)

    async def run() -> None:
        models = Models(EngineOptions(["a", "b"], {"draft": drafts.pop(""), "threads": 1}, drafts), lambda state: None)
        models.add("c")
        for name in ("a", "b", "c"):
            models.release(await models.use(name))
        await models.close()

    asyncio.run(run())
    assert opened == {
        "a": {"draft": "small", "threads": 1},
        "b": {"draft": "other", "threads": 1},
        "c": {"draft": "small", "threads": 1, "quantization": "auto"},
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["c=small"], r"Unknown served model 'c'.*a, b.*MODEL=DRAFT"),
        (["small", "large"], "names small and large for all models"),
        (["a=small", "a=large"], "names small and large for a"),
    ],
)
def test_drafts_that_cannot_be_told_apart(words: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        draft_names(words, ["a", "b"])
