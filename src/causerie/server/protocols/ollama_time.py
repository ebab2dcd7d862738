"""Times as Ollama's clients write and read them: durations in words or seconds, moments, nanoseconds. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from causerie.server.http.failure_responses import Refusal

FOREVER = -1.0
NEVER = datetime(2300, 1, 1, tzinfo=UTC)
"""When a model goes that stays: Ollama's clients want a moment, and call one so far away "forever"."""
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"([+-]?)((?:{_PART.pattern})+|[0-9]{{1,12}})")


def lasting(duration: str | float | None) -> float | None:
    """A duration in seconds: a number of them, or "1h30m"; FOREVER where it is below 0, None where there is none.
    Raises Refusal for another text."""
    if duration is None or isinstance(duration, int | float):
        return duration if duration is None or duration >= 0 else FOREVER
    match = _WHOLE.fullmatch(duration)
    if match is None:
        sentence = f'keep_alive is {duration[:40]!r}; it is a number of seconds, or a duration such as "5m" or "1h30m".'
        raise Refusal(400, sentence, param="keep_alive")
    if match[1] == "-":
        return FOREVER
    if match[2].isdecimal():
        return float(match[2])
    return sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(match[2]))


def moment(time: datetime) -> str:
    """A moment as it stands in JSON."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def nanoseconds(seconds: float) -> int:
    """As durations are counted."""
    return round(seconds * 1e9)
