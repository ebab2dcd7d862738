"""What other threads leave for an event loop, taken out together: one wake-up for all that a step of an engine gave."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

Letter = TypeVar("Letter")


class Mailbox(Generic[Letter]):
    """`put` may be called in any thread; `read` is called in the loop, letter by letter, in their order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, read: Callable[[Letter], None]) -> None:
        self._loop = loop
        self._read = read
        self._letters: deque[Letter] = deque()
        self._called = False

    def put(self, letter: Letter) -> None:
        """Leaves a letter. After the loop was closed nobody reads it."""
        self._letters.append(letter)
        if not self._called:
            self._called = True
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._empty)

    def _empty(self) -> None:
        self._called = False  # before the letters are taken, so that none is left without a call
        while self._letters:
            self._read(self._letters.popleft())
