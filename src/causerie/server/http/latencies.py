"""How long answers take, as histograms for Prometheus: to the first token, for each further one, and in all.

Times are the front's own, from when a request was read to when its events came. Knows no model and no protocol.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from causerie.server.http.streaming import ProtocolAnswer
from causerie.server.processes.jobs import Ended, Piece

_LIMITS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


class Histogram:
    """Counts of seconds below the limits, as Prometheus reads them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts = [0] * (len(_LIMITS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(_LIMITS, seconds)] += 1
        self._sum += seconds

    def lines(self) -> list[str]:
        """Its lines in Prometheus' text format."""
        totals = list(accumulate(self._counts))
        limits = [*map(str, _LIMITS), "+Inf"]
        buckets = zip(limits, totals, strict=True)
        return [
            f"# TYPE {self._name} histogram",
            *(f'{self._name}_bucket{{le="{limit}"}} {total}' for limit, total in buckets),
            f"{self._name}_sum {self._sum:.6f}",
            f"{self._name}_count {totals[-1]}",
        ]


class Latencies:
    """The histograms of one server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.first_token = Histogram("causerie_time_to_first_token_seconds")
        self.further_token = Histogram("causerie_time_per_output_token_seconds")
        self.answer = Histogram("causerie_answer_seconds")

    def lines(self) -> list[str]:
        """All of them."""
        return [line for each in (self.first_token, self.further_token, self.answer) for line in each.lines()]


class TimedAnswer:
    """A protocol's answer whose events are timed on their way, each choice by itself."""

    def __init__(self, answer: ProtocolAnswer, latencies: Latencies) -> None:
        self._answer = answer
        self._latencies = latencies
        self._began = latencies.clock()
        self._first: dict[tuple[int, int], float] = {}

    @property
    def over(self) -> bool:
        """Whether all of it has come."""
        return self._answer.over

    def read(self, place: int, event: Any) -> list[dict[str, Any]]:
        """Times an event and hands it on."""
        if isinstance(event, Piece | Ended):
            self._note(place, event)
        return self._answer.read(place, event)

    def whole(self) -> dict[str, Any]:
        """All of it in one piece."""
        return self._answer.whole()

    def _note(self, place: int, event: Piece | Ended) -> None:
        now = self._latencies.clock()
        choice = place, event.choice
        if choice not in self._first and event.new_tokens:
            self._first[choice] = now
            self._latencies.first_token.add(now - self._began)
        if isinstance(event, Ended):
            self._latencies.answer.add(now - self._began)
            if event.new_tokens > 1:
                self._latencies.further_token.add((now - self._first[choice]) / (event.new_tokens - 1))
