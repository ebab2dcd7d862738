"""The front's side of looking up models, downloading them and measuring the machine: a process for each, ended where
nobody waits for it.

Downloads go on when the page that began them is closed; which there are, and how far each is, is told to any page.
Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from causerie.errors import CauserieError, EngineError, UsageError
from causerie.server.processes.child import Child
from causerie.server.processes.failures import error_of
from causerie.server.processes.frames import LENGTH, MOST_BYTES
from causerie.server.processes.library.library_orders import (
    FetchModel,
    FetchProgress,
    LibraryEvent,
    LibraryFailure,
    LibraryOrder,
    ListModels,
    MeasureMachine,
    SearchHub,
)

_decoder = msgspec.json.Decoder(LibraryEvent)
MODULE = "causerie.server.processes.library.library_process"
MOST_DOWNLOADS = 2  # at once: more would share one line to the hub
MOST_KEPT = 20  # of those that have ended, to be told of
SECONDS = 60.0  # in which the hub must have answered a search, and files their headers
LOOK_SECONDS = 0.1  # between two looks at whether a machine that is measured is needed for something else


@dataclass
class ModelDownload:
    """One download, as far as it is."""

    model: str
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    bytes: int = 0
    total: int = 0
    note: str = ""
    """What it waits for, or why it failed."""
    fault: CauserieError | None = None


class LibraryLink:
    """All methods belong to one event loop. `models_folder` has models beside those that are downloaded; `options` are
    LoadOptions as plain values, by which models are held."""

    def __init__(self, models_folder: Path | None = None, options: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._models_folder = models_folder
        self._options = dict(options)
        self._turn = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.downloads: dict[str, ModelDownload] = {}
        self._measuring: asyncio.Task[None] | None = None
        self._unmeasurable = False

    async def offers(self, spare: int, served: list[str]) -> dict[str, Any]:
        """The models of this machine, and what goes with them; see `ListModels`. Raises CauserieError."""
        folder = None if self._models_folder is None else str(self._models_folder)
        answer: dict[str, Any] = await self._value(ListModels(folder, spare, served, self._options))
        return answer

    def measure(self, idle: Callable[[], bool]) -> bool:
        """Has the machine measured, which takes seconds, and says whether it is being done; who asks for offers
        meanwhile waits for it. It is left for another time where the machine is not `idle`, or ceases to be so, for
        then it would be said to be slower than it is."""
        if self._measuring is None and not self._unmeasurable and idle():
            work = asyncio.create_task(self._value(MeasureMachine()))
            self._measuring = asyncio.create_task(self._watched(work, idle))
        return self._measuring is not None

    async def search(self, words: str, spare: int) -> list[dict[str, Any]]:
        """Those of the hub. Raises HubUnavailable, CheckpointError."""
        return list(await self._value(SearchHub(words, spare)))

    def download(self, model: str) -> ModelDownload:
        """Begins, or goes on with, a download. Raises UsageError where as many run as may."""
        running = [each for each in self.downloads.values() if each.state == "running"]
        if any(each.model == model for each in running):
            return self.downloads[model]
        if len(running) >= MOST_DOWNLOADS:
            names = " and ".join(each.model for each in running)
            raise UsageError(f"{names} are being downloaded; wait for one of them, or cancel one.")
        ended = [name for name, each in self.downloads.items() if each.state != "running"]
        for name in {model, *ended[: max(0, len(ended) + 1 - MOST_KEPT)]}:
            self.downloads.pop(name, None)
        download = self.downloads[model] = ModelDownload(model)
        self._tasks[model] = asyncio.create_task(self._fetch(download))
        return download

    async def cancel(self, model: str) -> None:
        """Ends a download; what came of it is kept. Raises UsageError where there is none."""
        task = self._tasks.get(model)
        if task is None:
            raise UsageError(f"{model} is not being downloaded.", field="model")
        task.cancel()
        await asyncio.wait([task])

    async def close(self) -> None:
        """Ends all that goes on."""
        if self._measuring is not None:
            self._measuring.cancel()
            await asyncio.wait([self._measuring])
        for model in list(self._tasks):
            await self.cancel(model)

    async def _fetch(self, download: ModelDownload) -> None:
        try:
            async with aclosing(_events(FetchModel(download.model))) as events:
                async for event in events:
                    if isinstance(event, FetchProgress):
                        download.bytes, download.total, download.note = event.bytes, event.total, event.note
            download.state, download.note = "done", ""
        except CauserieError as fault:
            download.state, download.fault = "failed", fault
        except asyncio.CancelledError:
            download.state, download.note = "cancelled", ""
            raise
        finally:
            self._tasks.pop(download.model, None)

    async def _watched(self, work: asyncio.Task[Any], idle: Callable[[], bool]) -> None:
        try:
            while not work.done() and idle():
                await asyncio.wait([work], timeout=LOOK_SECONDS)
            if work.done():
                work.result()
        except CauserieError:  # nothing here can measure, and asking again would not help
            self._unmeasurable = True
        finally:
            self._measuring = None
            work.cancel()
            await asyncio.wait([work])

    async def _value(self, order: LibraryOrder) -> Any:
        """One after the other: each looks at many files, or asks the hub."""
        async with self._turn:
            try:
                async with asyncio.timeout(SECONDS), aclosing(_events(order)) as events:
                    return [event.value async for event in events if not isinstance(event, FetchProgress)][-1]
            except TimeoutError:
                raise EngineError(f"Looking for models took longer than {SECONDS:.0f} s. Try again later.") from None


async def _events(order: LibraryOrder) -> AsyncGenerator[Any, None]:
    """What a process tells that does the order, the last of it what came of it. Raises what it failed with."""
    child = await Child.start(MODULE, msgspec.json.encode(order).decode())
    try:
        while True:
            event = await _read(child)
            if isinstance(event, LibraryFailure):
                raise error_of(event.kind, event.message)
            yield event
            if not isinstance(event, FetchProgress):
                return
    finally:
        await child.kill()


async def _read(child: Child) -> LibraryEvent:
    try:
        (length,) = LENGTH.unpack(await child.reader.readexactly(LENGTH.size))
        if length > MOST_BYTES:
            raise EngineError(f"The process that looks for models tells {length} bytes at once.")
        return _decoder.decode(await child.reader.readexactly(length))
    except (OSError, asyncio.IncompleteReadError):
        raise EngineError("The process that looks for models ended before it was done. Try again.") from None
