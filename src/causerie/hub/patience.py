"""How often a hub is asked again that does not answer rightly, and how long is waited in between.

Knows no request: whoever makes one says what went wrong, and whether anything came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from causerie.errors import HubUnavailable

TRIES = 5
"""How many times in a row nothing may come before it is given up."""
LONGEST_WAIT = 120.0
"""Seconds that a hub may ask us to wait; where it wants more the user is told, and decides."""
_FIRST_WAIT = 0.5
_SLOWEST_WAIT = 8.0


class Interruption(Exception):
    """Something that may be different next time. `wait` is what the hub asked for, in seconds; `limited` says that it
    was asked too often."""

    def __init__(self, reason: str, *, wait: float | None = None, limited: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.limited = limited


class Patience:
    """The patience of one piece of work, of which a failure says `what` first and `then` last. `pause` sleeps, and may
    raise to end it all; a wait above `longest` is not waited for."""

    def __init__(
        self,
        what: str,
        pause: Callable[[float], None],
        tries: int = TRIES,
        longest: float = LONGEST_WAIT,
        *,
        then: str = "Try again later.",
    ) -> None:
        self._what = what
        self._then = then
        self._pause = pause
        self._tries = tries
        self._longest = longest
        self._failures = 0

    def bear(self, fault: Interruption, *, progress: bool = False) -> None:
        """Waits before the next try; `progress` says that this one brought something. Raises HubUnavailable where it
        was the last."""
        self._failures = 1 if progress else self._failures + 1
        if self._failures >= self._tries or (fault.wait or 0.0) > self._longest:
            advice = limit_advice(fault.wait) if fault.limited else self._then
            times = f", {self._failures} times in a row" if self._failures > 1 else ""
            raise HubUnavailable(
                f"{self._what}: {fault.reason}{times}. {advice}",
                reason=fault.reason,
                advice=advice,
                limited=fault.limited,
            )
        backoff = min(_SLOWEST_WAIT, _FIRST_WAIT * 2 ** (self._failures - 1))
        self._pause(max(backoff, fault.wait or 0.0))


def limit_advice(seconds: float | None) -> str:
    """What a user can do whom the hub wants to ask less often."""
    wait = "Wait some minutes" if seconds is None else f"Wait {seconds:.0f} s"
    return f"{wait}, then try again; who has logged in (`hf auth login`, or HF_TOKEN) may ask more often."


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks us to wait; None where it names none."""
    after = re.fullmatch(r"\s*(\d{1,9})\s*", headers.get("retry-after", ""))
    match = after or re.search(r";\s*t=(\d{1,9})", headers.get("ratelimit", ""))
    return float(match[1]) if match else None
