"""The machine is measured while nothing else needs it, and whoever asks for models meanwhile waits for the figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from starlette.requests import Request

from causerie.errors import BackendUnavailable
from causerie.server.http.library_routes import LibraryRights, LibraryRoutes
from causerie.server.processes.engine_link import EngineLink
from causerie.server.processes.library import library_link
from causerie.server.processes.library.library_link import LibraryLink, ModelDownload
from causerie.server.processes.library.library_orders import LibraryAnswer, LibraryOrder, ListModels, MeasureMachine


class ScriptedProcess:
    """In the place of the processes: `log` has what they were asked and how it ended; a measurement waits for `gate`,
    and then fails with `fault` where there is one."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gate = asyncio.Event()
        self.fault: Exception | None = None

    async def events(self, order: LibraryOrder) -> AsyncGenerator[Any, None]:
        name = type(order).__name__
        self.log.append(name)
        try:
            if isinstance(order, MeasureMachine):
                await self.gate.wait()
                if self.fault is not None:
                    raise self.fault
            yield LibraryAnswer({"models": []})
            self.log.append(f"{name} done")
        except asyncio.CancelledError:
            self.log.append(f"{name} given up")
            raise


MEASURED, LISTED = MeasureMachine.__name__, ListModels.__name__


def scripted(patch: pytest.MonkeyPatch) -> tuple[LibraryLink, ScriptedProcess]:
    process = ScriptedProcess()
    patch.setattr(library_link, "_events", process.events)
    patch.setattr(library_link, "LOOK_SECONDS", 0.001)
    return LibraryLink(), process


def test_offers_wait_for_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[str]:
        link, process = scripted(monkeypatch)
        assert not link.measure(lambda: False) and not process.log
        assert link.measure(lambda: True) and link.measure(lambda: True)
        asked = asyncio.create_task(link.offers(0, []))
        await asyncio.sleep(0.01)
        assert process.log == [MEASURED] and not asked.done()
        process.gate.set()
        await asked
        await link.close()
        return process.log

    assert [each for each in asyncio.run(run()) if not each.endswith("done")] == [MEASURED, LISTED]


def test_a_machine_that_is_needed_is_measured_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[str]:
        link, process = scripted(monkeypatch)
        idle = True
        assert link.measure(lambda: idle)
        await asyncio.sleep(0.01)
        idle = False
        await link.offers(0, [])
        assert not link.measure(lambda: idle)
        idle = True
        assert link.measure(lambda: idle)
        await asyncio.sleep(0.01)
        await link.close()
        return process.log

    given_up = f"{MEASURED} given up"
    assert [each for each in asyncio.run(run()) if not each.startswith(LISTED)] == [MEASURED, given_up] * 2


def test_where_nothing_can_measure_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[str]:
        link, process = scripted(monkeypatch)
        process.fault = BackendUnavailable("no library")
        process.gate.set()
        assert link.measure(lambda: True)
        await asyncio.sleep(0.01)
        assert not link.measure(lambda: True)
        await link.close()
        return process.log

    assert asyncio.run(run()).count(MEASURED) == 1


class CountedLibrary(LibraryLink):
    """Counts how often somebody looks at the models of the machine."""

    looks = 0

    async def offers(self, spare: int, served: list[str]) -> dict[str, Any]:
        self.looks += 1
        await asyncio.sleep(0.01)
        return {"models": [], "larger": {"id": "org/larger", "fits": "fits"}, "measured": True}


class IdleEngine:
    """Has no model in memory, and nothing to do."""

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.jobs = 0


def test_a_look_is_shared_by_those_who_ask_within_moments() -> None:
    async def run() -> list[int]:
        library, served, asked, counts = CountedLibrary(), ["a"], cast(Request, None), []
        routes = LibraryRoutes(library, cast(EngineLink, IdleEngine()), served, LibraryRights(choosing=True))
        await asyncio.gather(*(routes.offers(asked) for _ in range(3)))
        counts.append(library.looks)
        await routes.offers(asked)
        counts.append(library.looks)
        served.append("b")
        await routes.offers(asked)
        counts.append(library.looks)
        library.downloads["c"] = ModelDownload("c", "done")
        await routes.offers(asked)
        return [*counts, library.looks]

    assert asyncio.run(run()) == [1, 1, 2, 3]
