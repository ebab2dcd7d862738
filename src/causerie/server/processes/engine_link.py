"""The front's end of the connection to the engine's process: starts it, gives each job its events, starts it again.

When the process dies or stands still, every running job fails with a sentence, and the next one finds a new process.
Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from causerie.errors import CauserieError, EngineError, UsageError
from causerie.server.processes.backlog import Backlog, weight
from causerie.server.processes.child import Child
from causerie.server.processes.failures import error_of
from causerie.server.processes.frames import Unpacker, packed
from causerie.server.processes.jobs import (
    PRELOADING,
    Add,
    Beat,
    Cancel,
    Done,
    Embed,
    EngineOptions,
    Failed,
    Generate,
    JobEvent,
    Load,
    ModelState,
    Order,
)
from causerie.server.processes.pulse import Pulse, RestartPause

_READ = 1 << 15
"""Bytes of events that are taken before those who wait for them have their turn: a burst is no backlog."""
_CLOSING_SECONDS = 5.0
_WATCH_SECONDS = 1.0  # between two looks at whether the process stands still


class Job:
    """The events of one order. They count in the `backlog` of its client until they are read; a job whose client has a
    full one is ended."""

    def __init__(self, number: int, backlog: Backlog) -> None:
        self.number = number
        self.backlog = backlog
        self.since = time.monotonic()
        self.model: str | None = None  # that it uses
        self._events: asyncio.Queue[tuple[JobEvent, int]] = asyncio.Queue()

    def put(self, event: JobEvent) -> None:
        """Adds an event that came."""
        size = weight(event)
        self.backlog.bytes += size
        self._events.put_nowait((event, size))

    async def next(self) -> JobEvent:
        """The next event. Raises what the job failed with."""
        return self._read(*await self._events.get())

    def at_once(self) -> JobEvent | None:
        """The next event if it has come already. Raises what the job failed with."""
        return None if self._events.empty() else self._read(*self._events.get_nowait())

    def _read(self, event: JobEvent, size: int) -> JobEvent:
        self.backlog.bytes -= size
        if isinstance(event, Failed):
            raise error_of(event.kind, event.message, event.field)
        return event


class EngineLink:
    """One engine process at a time. All methods belong to one event loop."""

    def __init__(
        self, options: EngineOptions, note: Callable[[str], None], useless: Callable[[CauserieError], None]
    ) -> None:
        """`note` is told what happens; `useless` why the model that is loaded at the start cannot be."""
        self._options = options
        self._note = note
        self._useless = useless
        self._child: Child | None = None
        self._reading: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._jobs: dict[int, Job] = {}
        self._number = 0
        self._closed = False
        self._pulse = Pulse(time.monotonic())
        self._pause = RestartPause()
        self.models: dict[str, ModelState] = {}
        self._last_uses: dict[str, float] = {}
        self.restarts = 0

    @property
    def jobs(self) -> int:
        """How many jobs run or wait."""
        return len(self._jobs)

    @property
    def loaded(self) -> list[str]:
        """The models that are in memory whole."""
        return [name for name, state in self.models.items() if state.share == 1]

    def facts(self, model: str) -> dict[str, Any]:
        """What is known of a model, which is little before it is loaded."""
        state = self.models.get(model)
        return {} if state is None else state.facts

    def idle_since(self, model: str) -> float | None:
        """When the last job that used a model ended (0 where there was none); None while one uses it."""
        if any(job.model == model for job in self._jobs.values()):
            return None
        return self._last_uses.get(model, 0.0)

    @property
    def trouble(self) -> str | None:
        """Why the engine does not answer; None while it makes steps and requests move, or it has nothing to do."""
        loading = any(state.share != 1 for state in self.models.values())  # which takes as long as it takes
        waiting = None if loading else min((job.since for job in self._jobs.values()), default=None)
        trouble = "is starting" if self._child is None else self._pulse.trouble(time.monotonic(), waiting)
        return None if trouble is None else f"the engine's process {trouble}"

    @property
    def beat(self) -> Beat | None:
        """The last sign of life of the process that runs."""
        return self._pulse.beat

    async def start(self) -> None:
        """Starts the process."""
        self._child = await Child.start(
            "causerie.server.processes.engine.engine_process", msgspec.json.encode(self._options).decode()
        )
        self._pulse = Pulse(time.monotonic())
        self._reading = asyncio.create_task(self._read(self._child))
        self._watching = asyncio.create_task(self._watch(self._child))

    @asynccontextmanager
    async def job(self, order: Callable[[int], Order], backlog: Backlog | None = None) -> AsyncIterator[Job]:
        """Gives an order, made for the job's number; jobs of one client share its `backlog`. Leaving the block early
        cancels it. Raises EngineError where no engine runs."""
        if self._child is None or self._child.writer.is_closing():
            raise EngineError("The engine is being restarted; try again in a moment.")
        self._number += 1
        job = Job(self._number, backlog or Backlog())
        self._jobs[job.number] = job
        try:
            asked = order(job.number)
            job.model = asked.model if isinstance(asked, Generate | Embed | Load) else None
            self._tell(asked)
            yield job
        finally:
            if job.model is not None:
                self._last_uses[job.model] = time.monotonic()
            if self._jobs.pop(job.number, None) is not None:
                self._tell(Cancel(job.number))

    async def value(self, order: Callable[[int], Order]) -> Any:
        """What an order that is no answer gives. Raises what it failed with."""
        async with self.job(order) as job:
            event = await job.next()
            if not isinstance(event, Done):
                raise EngineError(f"The engine answered with {type(event).__name__} where a value was expected.")
            return event.value

    async def serve(self, model: str) -> None:
        """Has one more model served, in a process that takes this one's place, too. Raises EngineError."""
        await self.value(lambda job: Add(job, model))
        if model not in self._options.added:
            self._options = msgspec.structs.replace(self._options, added=[*self._options.added, model])

    async def close(self) -> None:
        """Ends the process, by force where it does not end by itself."""
        self._closed = True
        child = self._child
        if child is not None:
            child.writer.close()
            self._unwatch()
            try:
                await asyncio.wait_for(child.process.wait(), _CLOSING_SECONDS)
            except TimeoutError:
                child.process.kill()
                await child.process.wait()
        if self._reading is not None:
            with suppress(asyncio.CancelledError):
                await self._reading

    async def _read(self, child: Child) -> None:
        unpacker = Unpacker.events()
        sentence = ""
        try:
            while data := await child.reader.read(_READ):
                for event in unpacker.feed(data):
                    self._take(event)
                await asyncio.sleep(0)  # what has come already is read without a pause of its own
        except (EngineError, OSError) as fault:
            sentence = f" ({fault})"
            child.process.kill()
        code = await child.process.wait()
        self._unwatch()
        if self._closed:
            return
        self._note(f"the engine's process ended with code {code}{sentence}; starting it again")
        self._child = None
        self.models.clear()
        for job in self._jobs.values():
            job.put(Failed(job.number, "EngineError", "The engine ended while it answered; it is being restarted."))
        self.restarts += 1
        await asyncio.sleep(self._pause.after(self._pulse.lifetime(time.monotonic())))
        if not self._closed:  # it may have been closed during the wait
            await self.start()

    async def _watch(self, child: Child) -> None:
        """Ends a process that stands still; `_read` then starts another."""
        looked = time.monotonic()
        while (trouble := self._pulse.standstill(looked)) is None:
            await asyncio.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            if now - looked > 2 * _WATCH_SECONDS + 1:
                self._pulse.resume(now)  # this process stood still itself, and has not read what was sent meanwhile
            looked = now
        self._note(f"the engine's process {trouble}; it is ended")
        child.process.kill()

    def _unwatch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    def _tell(self, order: Order) -> None:
        if self._child is not None:
            self._child.writer.write(packed(order))

    def _take(self, event: JobEvent) -> None:
        if isinstance(event, Beat):
            self._pulse.read(event, time.monotonic())
        elif isinstance(event, ModelState):
            self._pulse.move(time.monotonic())
            if event.share is None:
                self.models.pop(event.model, None)
            else:
                self.models[event.model] = event
                if event.share == 1:
                    self._note(" ".join([f"{event.model} is loaded.", *([event.promise] if event.promise else [])]))
        elif isinstance(event, Failed) and event.job == PRELOADING:
            self._useless(error_of(event.kind, event.message, event.field))
        elif (job := self._jobs.get(event.job)) is not None:
            self._pulse.move(time.monotonic())
            if job.backlog.full and not isinstance(event, Done | Failed):
                self._tell(Cancel(event.job))
                event = Failed.of(event.job, UsageError("The client reads too slowly; its request was ended."))
            job.put(event)
            if isinstance(event, Done | Failed):
                del self._jobs[event.job]
