"""How many requests may run or wait at once, and that one client cannot take all the places. Knows no route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from causerie.server.http.failure_responses import Refusal

_KEPT_SHARE = 4  # 1 / this of the places, on top of them, is for clients who have no request here


class Places:
    """`most` at once of what costs much, whosever it is. `full` says that there is none left, `retry_after` after how
    many seconds to ask again."""

    def __init__(self, most: int, full: str, retry_after: int) -> None:
        self._most = most
        self._full = full
        self._retry_after = retry_after
        self._count = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """One place, while the block runs. Raises Refusal where there is none."""
        if self._count >= self._most:
            raise Refusal(429, self._full, "rate_limit_error", retry_after=self._retry_after)
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


class Admission:
    """`most` jobs at once, each of a client."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: Counter[str] = Counter()

    @contextmanager
    def enter(self, client: str, jobs: int = 1) -> Iterator[None]:
        """So many jobs of a client, while the block runs. Raises Refusal where they are too many, now or ever."""
        if jobs > self._most:
            raise Refusal(
                400,
                f"prompt has {jobs} entries, and this server answers at most {self._most} at once. Send fewer at a "
                f"time, or start it with --max-requests {jobs}.",
                param="prompt",
            )
        room = self._most if self._jobs[client] else self._most + max(1, self._most // _KEPT_SHARE)
        if self._jobs.total() + jobs > room:
            raise Refusal(429, "The server is full; try again.", "rate_limit_error", retry_after=1)
        self._jobs[client] += jobs
        try:
            yield
        finally:
            self._jobs[client] -= jobs
            if not self._jobs[client]:
                del self._jobs[client]
