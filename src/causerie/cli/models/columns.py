"""Rows of text in columns, and how sizes, numbers and times are written in them. Knows no model."""

from __future__ import annotations

import time
from collections.abc import Sequence

_UNKNOWN = "?"


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table; the columns whose numbers are in `right` are flush on that side."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def size(nbytes: int | None) -> str:
    """Bytes in their unit."""
    if nbytes is None:
        return _UNKNOWN
    unit, name = next(
        (unit, name) for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if nbytes >= unit or unit < 1e4
    )
    return f"{nbytes / unit:.1f} {name}"


def count(number: int | None) -> str:
    """A number of parameters, downloads or likes."""
    if number is None:
        return _UNKNOWN
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.3g} {name}"
    return str(number)


def ago(seconds: float | None, now: float | None = None) -> str:
    """How long something is past."""
    if seconds is None:
        return "never"
    past = max(0.0, (time.time() if now is None else now) - seconds)
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if past >= unit:
            number = int(past / unit)
            return f"{number} {name}{'' if number == 1 else 's'} ago"
    return "just now"


def precision(fit: str | None) -> str:
    """What "fits?" says: yes, in which precision, no, or unknown."""
    if fit is None:
        return _UNKNOWN
    return {"stored": "yes", "no": "no"}.get(fit, f"in {fit}")
