"""One request's events for a caller in an event loop; otherwise as `stream.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from causerie.engine.request import TokenEvent
from causerie.engine.stream import Message
from causerie.errors import EngineError


class AsyncStream(AsyncIterator[TokenEvent]):
    """The events of one request, in the running loop. `aclose` or dropping it cancels what is left."""

    def __init__(self, cancel: Callable[[int], None]) -> None:
        self.request = -1  # known once submitted
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._cancel = cancel
        self._over = False

    def inbox(self) -> Callable[[Message], None]:
        """Where the engine's thread puts messages; it keeps no reference to the stream itself."""
        loop, queue = self._loop, self._inbox

        def put(message: Message) -> None:
            with suppress(RuntimeError):  # the loop was closed: nobody listens any more
                loop.call_soon_threadsafe(queue.put_nowait, message)

        return put

    async def __anext__(self) -> TokenEvent:
        if self._over:
            raise StopAsyncIteration
        message = await self._inbox.get()
        if isinstance(message, EngineError):
            self._over = True
            raise message
        self._over = message.finish_reason is not None
        return message

    async def aclose(self) -> None:
        """Cancels the request if it has not ended; no more events come."""
        self._close()

    def _close(self) -> None:
        if not self._over and self.request >= 0:
            self._over = True
            self._cancel(self.request)

    def __del__(self) -> None:
        if hasattr(self, "_over"):  # absent where no loop was running
            self._close()
