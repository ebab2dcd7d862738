"""How long models stay in memory for whom nobody asks: what clients of Ollama's protocol say with `keep_alive`.

A model that nobody said it of stays as the server's own options have it. Knows no request.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from causerie.errors import CauserieError
from causerie.server.http.model_memory import unloaded
from causerie.server.processes.engine_link import EngineLink
from causerie.server.protocols.ollama_time import NEVER

_LOOK_SECONDS = 0.2  # between two looks at whether a model is still used
_LONGEST_SECONDS = 10 * 365 * 86400.0  # a model that is to stay longer stays


@dataclass
class _Stay:
    """Of one model: how long it stays, from when on, and the task that ends it."""

    seconds: float
    since: float
    ending: asyncio.Task[None]


class ModelStays:
    """All methods belong to one event loop."""

    def __init__(self, link: EngineLink) -> None:
        self._link = link
        self._stays: dict[str, _Stay] = {}

    def keep(self, model: str, seconds: float | None) -> None:
        """From now on a model goes when nobody asked for it for so many seconds; below 0, and without a number, it
        stays."""
        earlier = self._stays.pop(model, None)
        if earlier is not None:
            earlier.ending.cancel()
        if seconds is not None and 0 <= seconds <= _LONGEST_SECONDS:
            ending = asyncio.create_task(self._end(model))
            self._stays[model] = _Stay(seconds, time.monotonic(), ending)

    def expiry(self, model: str) -> datetime:
        """When a model goes, if nobody asks for it."""
        if model not in self._stays:
            return NEVER
        return datetime.now(UTC) + timedelta(seconds=max(0.0, self._rest(model)))

    async def close(self) -> None:
        """Nothing goes any more."""
        tasks = [stay.ending for stay in self._stays.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _rest(self, model: str) -> float:
        """Seconds that it stays from now on."""
        stay, now = self._stays[model], time.monotonic()
        idle = self._link.idle_since(model)
        return stay.seconds + (0.0 if idle is None else max(idle, stay.since) - now)

    async def _end(self, model: str) -> None:
        """Waits until nobody uses the model for as long as it stays, and frees it."""
        while model in self._link.models:
            rest = _LOOK_SECONDS if self._link.idle_since(model) is None else self._rest(model)
            if rest <= 0:
                try:
                    await unloaded(self._link, model)
                    break
                except CauserieError:  # it is used by now, or the engine is being started again
                    rest = _LOOK_SECONDS
            await asyncio.sleep(rest)
        if self._stays.get(model) is not None and self._stays[model].ending is asyncio.current_task():
            del self._stays[model]
