"""The last lines that a program wrote to its standard error, to be told when it fails. Knows no program."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TextIO

_MOST_LINES = 20
_MOST_CHARACTERS = 300  # of a line


class LastLines:
    """A pipe: `writer` goes to the program, and what comes through it is read so that it never stands still."""

    def __init__(self) -> None:
        here, there = os.pipe()
        self.writer: TextIO = os.fdopen(there, "w")
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._thread = threading.Thread(target=self._read, args=(here,), daemon=True, name="tool server's errors")
        self._thread.start()

    def close(self) -> None:
        """Gives up this side of the pipe; the program has its own."""
        self.writer.close()

    def last(self) -> str:
        """The last line that says something; "" where there is none. A program that has just ended is waited for."""
        self._thread.join(0.2)
        return next((line for line in reversed(self._lines) if line), "")

    def _read(self, here: int) -> None:
        with os.fdopen(here, errors="replace") as lines:
            for line in lines:
                self._lines.append(line.strip()[:_MOST_CHARACTERS])
