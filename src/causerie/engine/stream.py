"""One request's events as they come, for a caller in another thread than the engine's. It knows no engine: only where
its events arrive and how to say that they are not wanted any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from causerie.engine.request import RequestStats, TokenEvent
from causerie.errors import EngineError

Message = TokenEvent | EngineError


class Stream(Iterator[TokenEvent]):
    """The events of one request. Closing it, leaving its `with` block or dropping it cancels what is left.

    Raises EngineError where the engine itself failed. An end with finish_reason "error" is an event like others.
    """

    def __init__(self, request: int, inbox: SimpleQueue[Message], cancel: Callable[[int], None]) -> None:
        self.request = request
        self._inbox = inbox
        self._cancel = cancel
        self._over = False
        self._stats: RequestStats | None = None

    def __next__(self) -> TokenEvent:
        if self._over:
            raise StopIteration
        message = self._inbox.get()
        if isinstance(message, EngineError):
            self._over = True
            raise message
        self._over = message.finish_reason is not None
        self._stats = message.stats
        return message

    @property
    def stats(self) -> RequestStats | None:
        """What the request has cost; None until the engine has told its end, which it does some steps after `close`."""
        while self._over and self._stats is None:
            try:
                message = self._inbox.get_nowait()
            except Empty:
                break
            if isinstance(message, TokenEvent):
                self._stats = message.stats
        return self._stats

    def close(self) -> None:
        """Cancels the request if it has not ended; no more events come."""
        if not self._over:
            self._over = True
            self._cancel(self.request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
