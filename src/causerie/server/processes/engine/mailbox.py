"""What other threads leave for an event loop, taken out together: one wake-up for all that a step of an engine gave, or
several steps, where waking the loop would take a core from those who compute. Knows nothing of what it carries.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

Letter = TypeVar("Letter")


class Mailbox(Generic[Letter]):
    """`put` may be called in any thread; `read` is called in the loop, letter by letter, in their order.

    After each reading the loop is left alone for `pause()` seconds: what comes meanwhile is read together, unless a
    letter is `urgent`, which brings all that lie before it along."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        read: Callable[[Letter], None],
        urgent: Callable[[Letter], bool] = lambda _: True,
        pause: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._loop = loop
        self._read = read
        self._urgent = urgent
        self._pause = pause
        self._letters: deque[Letter] = deque()
        self._called = False
        self._pausing = False

    def put(self, letter: Letter) -> None:
        """Leaves a letter. After the loop was closed nobody reads it."""
        self._letters.append(letter)
        if not self._called and not (self._pausing and not self._urgent(letter)):
            self._called = True
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._empty)

    def _empty(self) -> None:
        self._called = False  # before the letters are taken, so that none is left without a call
        while self._letters:
            self._read(self._letters.popleft())
        if not self._pausing and (seconds := self._pause()) > 0:
            self._pausing = True
            self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._pausing = False  # likewise
        if self._letters:
            self._empty()
