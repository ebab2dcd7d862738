"""The question whether a model that is too large as it is stored shall be loaded in fewer bits. Knows no model."""

from __future__ import annotations

from typing import TextIO

from causerie.errors import ModelTooLarge


def accepts_precision(error: ModelTooLarge, source: TextIO, out: TextIO) -> bool:
    """Asks on a terminal whether to take the precision that the error names; without one, or without a terminal to
    ask on, nobody accepts."""
    if error.precision is None or not source.isatty() or not out.isatty():
        return False
    size = f"{error.needed_bytes / 1e9:.1f} GB"
    out.write(f"{str(error).partition(' It fits in ')[0]}\nLoad it in {error.precision}, {size}? [Y/n] ")
    out.flush()
    answer = source.readline()
    return answer.endswith("\n") and answer.strip().casefold() in ("", "y", "yes")
