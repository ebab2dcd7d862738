"""How far a model is that loads: bytes of how many, from the loader to /load_model and the list of models."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from causerie import builtin_model_path
from causerie.server.http.app import Application
from causerie.server.http.load_progress import progress
from causerie.server.processes.engine.models import Models
from causerie.server.processes.jobs import EngineOptions, ModelState


def weight_bytes(folder: Path) -> int:
    """Of the tensors, by the header of the file itself."""
    with (folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    ends = [tensor["data_offsets"] for name, tensor in header.items() if name != "__metadata__"]
    return sum(end - begin for begin, end in ends)


class ScriptedLink:
    """What is loading is at one state after the other, each until it was seen."""

    def __init__(self, name: str, states: list[ModelState]) -> None:
        self.models: dict[str, ModelState] = {}
        self._name = name
        self._states = states

    async def value(self, _: object) -> None:
        for state in self._states:
            self.models[self._name] = state
            await asyncio.sleep(0.25)  # longer than between two looks


def test_loading_tells_bytes_of_how_many() -> None:
    folder = str(builtin_model_path())
    told: list[ModelState] = []

    async def load() -> None:
        models = Models(EngineOptions([folder]), told.append)
        models.release(await models.use(folder))
        await models.close()

    asyncio.run(load())
    first, *reading, last = told
    assert (first.share, first.total_bytes) == (0.0, 0) and last.share == 1.0
    assert {state.total_bytes for state in reading} == {weight_bytes(Path(folder))}
    read = [state.read_bytes for state in reading]
    assert read == sorted(read) and 0 < read[-1] <= reading[-1].total_bytes


def test_load_model_and_the_list_of_models_tell_them() -> None:
    """Beside what transformers' chat program reads, which stays as it is."""
    states = [ModelState("one", 0.0), ModelState("one", 0.6, 600, 1000), ModelState("one", 1.0)]
    link: Any = ScriptedLink("one", states)

    async def events() -> list[dict[str, Any]]:
        return [event async for event in progress(link, "one")]

    *loading, ready = asyncio.run(events())
    head = {"status": "loading", "model": "one", "stage": "weights"}
    assert {**head, "progress": {"current": 60, "total": 100}, "read_bytes": 600, "total_bytes": 1000} in loading
    assert {**head, "progress": {"current": 0, "total": 100}} in loading
    assert ready == {"status": "ready", "model": "one", "cached": False}
    request: Any = None
    for state, known in ((states[1], {"read_bytes": 600, "total_bytes": 1000}), (states[2], {})):
        link.models["one"] = state
        response = asyncio.run(Application(link, ["one"], 1).models(request))
        (told,) = json.loads(response.body)["data"]
        assert {name: told[name] for name in ("read_bytes", "total_bytes") if name in told} == known
