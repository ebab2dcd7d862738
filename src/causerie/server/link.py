"""The front's end of the connection to the engine's process: starts it, gives each job its events, starts it again.

When the process dies, every running job fails with a sentence, and the next one finds a new process. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from causerie.errors import CauserieError, EngineError
from causerie.server.child import Child
from causerie.server.failures import error_of
from causerie.server.frames import Unpacker, packed
from causerie.server.orders import (
    PRELOADING,
    Beat,
    Cancel,
    Done,
    EngineOptions,
    Event,
    Failed,
    ModelState,
    Order,
)

_READ = 1 << 18
_CLOSING_SECONDS = 5.0
MOST_UNREAD = 4096  # events that a slow reader may leave waiting
SILENT_SECONDS = 5.0  # without a beat the process counts as stuck
STEP_SECONDS = 60.0  # without a step while something runs, too


class Job:
    """The events of one order. `unread` is how many wait; a job with too many is ended."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def put(self, event: Event) -> None:
        """Adds an event that came."""
        self._events.put_nowait(event)

    @property
    def unread(self) -> int:
        """How many events wait to be read."""
        return self._events.qsize()

    async def next(self) -> Event:
        """The next event. Raises what the job failed with."""
        return self._checked(await self._events.get())

    def at_once(self) -> Event | None:
        """The next event if it has come already. Raises what the job failed with."""
        return None if self._events.empty() else self._checked(self._events.get_nowait())

    @staticmethod
    def _checked(event: Event) -> Event:
        if isinstance(event, Failed):
            raise error_of(event.kind, event.message)
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
        self._jobs: dict[int, Job] = {}
        self._number = 0
        self._closed = False
        self._beat_at = self._step_at = 0.0
        self.beat: Beat | None = None
        self.models: dict[str, ModelState] = {}
        self.restarts = 0

    @property
    def jobs(self) -> int:
        """How many jobs run or wait."""
        return len(self._jobs)

    @property
    def trouble(self) -> str | None:
        """Why the engine does not answer; None while it makes steps or has nothing to do."""
        now = time.monotonic()
        if self._child is None or self.beat is None:
            return "the engine's process is starting"
        if now - self._beat_at > SILENT_SECONDS:
            return f"the engine's process has been silent for {now - self._beat_at:.0f} s"
        if self.beat.running and now - self._step_at > STEP_SECONDS:
            return f"the engine has made no step for {now - self._step_at:.0f} s"
        return None

    async def start(self) -> None:
        """Starts the process."""
        self._child = await Child.start("causerie.server.engine_process", msgspec.json.encode(self._options).decode())
        self.beat = None
        self._reading = asyncio.create_task(self._read(self._child))

    @asynccontextmanager
    async def job(self, order: Callable[[int], Order]) -> AsyncIterator[Job]:
        """Gives an order, made for the job's number. Leaving the block early cancels it. Raises EngineError where no
        engine runs."""
        if self._child is None or self._child.writer.is_closing():
            raise EngineError("The engine is being restarted; try again in a moment.")
        self._number += 1
        job = Job(self._number)
        self._jobs[job.number] = job
        try:
            self._tell(order(job.number))
            yield job
        finally:
            if self._jobs.pop(job.number, None) is not None:
                self._tell(Cancel(job.number))

    async def value(self, order: Callable[[int], Order]) -> Any:
        """What an order that is no answer gives. Raises what it failed with."""
        async with self.job(order) as job:
            event = await job.next()
            if not isinstance(event, Done):
                raise EngineError(f"The engine answered with {type(event).__name__} where a value was expected.")
            return event.value

    async def close(self) -> None:
        """Ends the process, by force where it does not end by itself."""
        self._closed = True
        child = self._child
        if child is not None:
            child.writer.close()
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
        except (EngineError, OSError) as fault:
            sentence = f" ({fault})"
            child.process.kill()
        code = await child.process.wait()
        if self._closed:
            return
        self._note(f"the engine's process ended with code {code}{sentence}; starting it again")
        self._child = None
        self.models.clear()
        for job in self._jobs.values():
            job.put(Failed(job.number, "EngineError", "The engine ended while it answered; it is being restarted."))
        self.restarts += 1
        await asyncio.sleep(min(10.0, 0.1 * 2 ** min(self.restarts, 10)))
        if not self._closed:  # it may have been closed during the wait
            await self.start()

    def _tell(self, order: Order) -> None:
        if self._child is not None:
            self._child.writer.write(packed(order))

    def _take(self, event: Event) -> None:
        if isinstance(event, Beat):
            now = time.monotonic()
            if self.beat is None or event.steps != self.beat.steps or not event.running:
                self._step_at = now
            self.beat, self._beat_at = event, now
        elif isinstance(event, ModelState):
            if event.share is None:
                self.models.pop(event.model, None)
            else:
                self.models[event.model] = event
        elif isinstance(event, Failed) and event.job == PRELOADING:
            self._useless(error_of(event.kind, event.message))
        elif (job := self._jobs.get(event.job)) is not None:
            if job.unread >= MOST_UNREAD:
                self._tell(Cancel(event.job))
                event = Failed(event.job, "EngineError", "The client reads too slowly; its request was ended.")
            job.put(event)
            if isinstance(event, Done | Failed):
                del self._jobs[event.job]
