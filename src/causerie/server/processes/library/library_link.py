"""The front's side of looking up models and downloading them: a process for each, ended where nobody waits for it.

Downloads go on when the page that began them is closed; which there are, and how far each is, is told to any page.
Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
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
    SearchHub,
)

_decoder = msgspec.json.Decoder(LibraryEvent)
MODULE = "causerie.server.processes.library.library_process"
MOST_DOWNLOADS = 2  # at once: more would share one line to the hub
MOST_KEPT = 20  # of those that have ended, to be told of
SECONDS = 60.0  # in which the hub must have answered a search, and files their headers


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
    """All methods belong to one event loop. `models_folder` has models beside those that are downloaded."""

    def __init__(self, models_folder: Path | None = None) -> None:
        self._models_folder = models_folder
        self._turn = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.downloads: dict[str, ModelDownload] = {}

    async def offers(self, spare: int) -> list[dict[str, Any]]:
        """The models of this machine to offer. Raises CauserieError."""
        folder = None if self._models_folder is None else str(self._models_folder)
        return list(await self._value(ListModels(folder, spare)))

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
        """Ends all of them."""
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
