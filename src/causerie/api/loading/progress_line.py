"""One line on a terminal that says how far loading or saving is, once it has taken a while; nothing on anything else.

Knows bytes done and bytes in all.
"""

from __future__ import annotations

import time
from typing import TextIO

PATIENCE = 1.0
"""Seconds after which the line appears."""


class LoadingLine:
    """What `load_model` and `write_weights` report to; `verb` says which of them it is."""

    def __init__(self, out: TextIO, verb: str) -> None:
        self._out = out
        self._verb = verb
        self._live = out.isatty()
        self._begun = time.monotonic()
        self._shown = ""

    def __call__(self, done: int, total: int, name: str) -> None:
        if not self._live or time.monotonic() - self._begun < PATIENCE:
            return
        text = f"{self._verb} {done / 1e9:.1f} of {total / 1e9:.1f} GB"
        if text != self._shown:
            self._out.write(f"\r\x1b[K{text}")
            self._out.flush()
            self._shown = text

    def clear(self) -> None:
        """Takes the line away."""
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = ""
