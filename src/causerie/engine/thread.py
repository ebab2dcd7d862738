"""An engine in a thread of its own, for callers in any thread or event loop.

The thread starts with the first request, sleeps while there is none, and runs all requests of all callers together. It
holds no reference to its `EngineThread` or to any stream, so dropping those ends it. It knows no text.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from causerie.decoding.drafting.drafter import Drafter
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine, EngineStats
from causerie.engine.request import Request, TokenEvent
from causerie.engine.stream import Message, Stream
from causerie.errors import CauserieError, EngineError

if TYPE_CHECKING:
    from causerie.engine.async_stream import AsyncStream

Put = Callable[[Message], None]
_EXIT_SECONDS = 5.0  # how long the end of the program waits for the step that is running


@dataclass(frozen=True)
class _Submit:
    requests: tuple[tuple[Request, Put], ...]


@dataclass(frozen=True)
class _Cancel:
    request: int


@dataclass(frozen=True)
class _Adopt:
    drafter: Drafter
    unasked: bool
    former: str | None
    done: threading.Event
    faults: list[CauserieError] = field(default_factory=list)


@dataclass(frozen=True)
class _Stop:
    pass


_Commands = SimpleQueue[_Submit | _Cancel | _Adopt | _Stop]


class EngineThread:
    """Owns an engine. All methods may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._commands: _Commands = SimpleQueue()  # its put() may be called from __del__, as no lock of ours is taken
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def capacity(self) -> int:
        """See Engine."""
        return self._engine.capacity

    @property
    def drafters(self) -> tuple[str, ...]:
        """See Engine."""
        return self._engine.drafters

    def submit(self, tokens: Sequence[int], params: SamplingParams) -> Stream:
        """Starts a request. Raises UsageError and ContextLengthError as Engine.request, EngineError when closed."""
        return self.submit_all([(tokens, params)])[0]

    def submit_all(self, requests: Iterable[tuple[Sequence[int], SamplingParams]]) -> list[Stream]:
        """Starts several requests in the same step: all of them, or none when one is refused."""
        asked = list(requests)
        inboxes: list[SimpleQueue[Message]] = [SimpleQueue() for _ in asked]
        numbers = self.submit_to(asked, lambda place: inboxes[place].put)
        return [Stream(number, inbox, self.cancel) for number, inbox in zip(numbers, inboxes, strict=True)]

    def submit_to(
        self, requests: Iterable[tuple[Sequence[int], SamplingParams]], inbox: Callable[[int], Put]
    ) -> list[int]:
        """As `submit_all`, for who takes the messages of many requests in one place: `inbox(i)` is where those of the
        i-th go, and is called in the engine's thread. Returns the requests' numbers, by which `cancel` knows them."""
        checked = [self._engine.request(tokens, params) for tokens, params in requests]
        self._send(_Submit(tuple((request, inbox(place)) for place, request in enumerate(checked))))
        return [request.id for request in checked]

    def adopt(self, drafter: Drafter, unasked: bool, former: str | None = None) -> None:
        """See Engine; returns when the engine has done it. Raises as that, EngineError when closed."""
        command = _Adopt(drafter, unasked, former, threading.Event())
        self._send(command)
        command.done.wait()
        if command.faults:
            raise command.faults[0]

    def cancel(self, request: int) -> None:
        """Ends a request with "cancelled"; one that has ended already is left alone."""
        self._commands.put(_Cancel(request))

    def stream(self, tokens: Sequence[int], params: SamplingParams) -> Stream:
        """The events of a new request, as an iterator; closing or dropping it cancels the request."""
        return self.submit(tokens, params)

    def astream(self, tokens: Sequence[int], params: SamplingParams) -> AsyncStream:
        """As `stream`, for `async for` in the running event loop."""
        from causerie.engine.async_stream import AsyncStream

        stream = AsyncStream(self.cancel)
        (stream.request,) = self.submit_to([(tokens, params)], lambda _: stream.inbox())
        return stream

    def begin(self) -> None:
        """Starts the thread now, for what an engine does while nobody asks. Raises EngineError as `submit`."""
        self._send(None)

    def stats(self) -> EngineStats:
        """What the engine does and has done, at most a step old."""
        return self._engine.stats()

    def close(self) -> None:
        """Cancels what runs and waits for the thread to end. The model stays open: it is its owner's."""
        with self._lock:
            self._closed = True
        if self._thread is not None:
            _stop(self._commands, self._thread, None)

    def _send(self, command: _Submit | _Adopt | None) -> None:
        if threading.current_thread() is self._thread:
            raise EngineError(
                "A model was asked from inside its own step, by a logits processor, and would wait for "
                "itself. Load the model a second time and ask that one."
            )
        with self._lock:  # so that no request can follow the stop
            if self._closed:
                raise EngineError("The engine was closed; load the model again to go on.")
            if os.getpid() != self._process:
                raise EngineError("The engine runs in the process that loaded the model; load it in this process too.")
            if self._thread is None:
                self._thread = threading.Thread(
                    target=_Loop(self._engine, self._commands).run, name="causerie-engine", daemon=True
                )
                self._thread.start()
                weakref.finalize(self, _stop, self._commands, self._thread, _EXIT_SECONDS)
            if command is not None:
                self._commands.put(command)


def _stop(commands: _Commands, thread: threading.Thread, seconds: float | None) -> None:
    """Asks the thread to end and waits for it. Also run by the garbage collector, perhaps in that very thread."""
    commands.put(_Stop())
    if thread is not threading.current_thread():
        thread.join(seconds)


class _Loop:
    """What the thread runs."""

    def __init__(self, engine: Engine, commands: _Commands) -> None:
        self._engine = engine
        self._commands = commands
        self._inboxes: dict[int, Put] = {}

    def run(self) -> None:
        try:
            while self._obey():
                self._step()
                if not self._engine.busy:
                    self._engine.check_integrity()
                elif self._engine.rest == 0:
                    self._engine.keep()
            self._engine.close()
        except Exception as fault:  # noqa: BLE001 - every caller must hear of it, whatever it was
            self._refuse(fault)

    def _obey(self) -> bool:
        """Takes all commands that are there, waiting for one while nothing runs, and keeping meanwhile what is to be
        kept; False after a stop."""
        while True:
            busy = self._engine.busy
            try:
                command = self._commands.get(block=not busy, timeout=None if busy else self._engine.rest)
            except Empty:
                if busy:
                    return True
                self._engine.keep()
                continue
            if isinstance(command, _Submit):
                for request, put in command.requests:
                    self._inboxes[request.id] = put
                    self._engine.submit(request)
            elif isinstance(command, _Cancel):
                self._engine.cancel(command.request)
            elif isinstance(command, _Adopt):
                try:
                    self._engine.adopt(command.drafter, command.unasked, command.former)
                except CauserieError as fault:  # who asked for it hears of it, and nobody else
                    command.faults.append(fault)
                finally:
                    command.done.set()
            else:
                for number in list(self._inboxes):
                    self._engine.cancel(number)
                self._step()
                return False

    def _step(self) -> None:
        for event in self._engine.step(self._tell):
            self._tell(event)

    def _tell(self, event: TokenEvent) -> None:
        put = self._inboxes[event.request]
        if event.finish_reason is not None:
            del self._inboxes[event.request]
        put(event)

    def _refuse(self, fault: Exception) -> None:
        """After a fault of the engine itself: tells it to everyone who waits or comes, until the stop."""
        for put in self._inboxes.values():
            put(_stopped(fault))
        self._inboxes.clear()
        while not isinstance(command := self._commands.get(), _Stop):
            if isinstance(command, _Submit):
                for _, put in command.requests:
                    put(_stopped(fault))
            elif isinstance(command, _Adopt):
                command.done.set()


def _stopped(fault: Exception) -> EngineError:
    error = EngineError(f"The engine has stopped: {type(fault).__name__}: {fault}. Load the model again to go on.")
    error.__cause__ = fault
    return error
