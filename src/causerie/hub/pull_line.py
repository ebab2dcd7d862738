"""One line on a terminal that says how far a download is, of all its files together; nothing on anything else.

Knows bytes and seconds.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TextIO

_PATIENCE = 0.5
_OFTEN = 0.1
_WINDOW = 10.0
"""Seconds over which the speed is taken."""
_CELLS = 24


class PullLine:
    """What a `Pull` reports to; `name` is the model's."""

    def __init__(self, out: TextIO, name: str) -> None:
        self._out = out
        self._name = name
        self._live = out.isatty()
        self._begun = time.monotonic()
        self._drawn = 0.0
        self._past: deque[tuple[float, int]] = deque()

    def __call__(self, done: int, total: int, note: str) -> None:
        now = time.monotonic()
        self._past.append((now, done))
        while now - self._past[0][0] > _WINDOW:
            self._past.popleft()
        if not self._live or now - self._begun < _PATIENCE or (now - self._drawn < _OFTEN and not note):
            return
        self._drawn = now
        self._out.write(f"\r\x1b[K{line(self._name, done, total, self._speed(), note)}")
        self._out.flush()

    def _speed(self) -> float:
        (begun, before), (now, done) = self._past[0], self._past[-1]
        return (done - before) / (now - begun) if now > begun else 0.0

    def clear(self) -> None:
        """Takes the line away."""
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()


def line(name: str, done: int, total: int, speed: float, note: str) -> str:
    """A bar, bytes, speed and the time that is left."""
    share = min(1.0, done / total) if total else 1.0
    bar = ("█" * int(share * _CELLS)).ljust(_CELLS, "░")
    if note:
        return f"{name} {bar} {note}"
    left = f", {span((total - done) / speed)} left" if speed > 0 and done < total else ""
    return f"{name} {bar} {done / 1e9:.2f} of {total / 1e9:.2f} GB, {speed / 1e6:.1f} MB/s{left}"


def span(seconds: float) -> str:
    """A length of time in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
