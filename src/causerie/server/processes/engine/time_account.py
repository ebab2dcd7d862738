"""Where the time of one request went: booked phase by phase until the engine has it, and closed with what the engine
counted. In the engine's process; knows no text.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from causerie.api.machine.surroundings import Moment
from causerie.api.measurement.answer_cost import AnswerCost
from causerie.server.processes.jobs import Timings

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.api.measurement.promise import Promise
    from causerie.engine.request import RequestStats

Phase = Literal["loading", "shortening", "preparation"]


class ReasoningTime:
    """How long a choice reasons, by when its tokens come."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: float | None = None
        self.seconds = 0.0

    def note(self, reasons: bool) -> None:
        """A token has come, and whether it belongs to a reasoning."""
        now = self._clock()
        self._first = now if self._first is None else self._first
        if reasons:
            self.seconds = now - self._first


class TimeAccount:
    """That of one request, from now on. `neighbours` are the other answers that are made meanwhile, at most at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._moment = Moment.now()
        self._seconds: dict[Phase, float] = {"loading": 0.0, "shortening": 0.0, "preparation": 0.0}
        self._neighbours = 0

    def book(self, phase: Phase) -> None:
        """What passed since the last booking was this phase's."""
        now = self._clock()
        self._seconds[phase] += now - self._last
        self._last = now

    def meet(self, neighbours: int) -> None:
        """So many other answers are made now."""
        self._neighbours = max(self._neighbours, neighbours)

    def timings(self, stats: RequestStats, thinking: float, model: CausalLM, promise: Promise | None) -> Timings:
        """Of a choice that has ended, `thinking` seconds of which it reasoned."""
        first = stats.first_token_seconds or stats.total_seconds
        waiting = min(stats.waiting_seconds, first)
        writing = max(0.0, stats.total_seconds - first)
        return Timings(
            loading=self._seconds["loading"],
            shortening=self._seconds["shortening"],
            preparation=self._seconds["preparation"],
            waiting=waiting,
            reading=first - waiting,
            read_tokens=stats.prompt_tokens - stats.cached_tokens,
            thinking=min(thinking, writing),
            writing=writing - min(thinking, writing),
            reasons=self._reasons(stats, model, promise),
        )

    def _reasons(self, stats: RequestStats, model: CausalLM, promise: Promise | None) -> list[str]:
        from causerie.api.measurement.diagnosis import diagnosis
        from causerie.api.measurement.evidence import Evidence
        from causerie.api.measurement.token_reading import TokenReading

        asked = stats.prompt_tokens, stats.cached_tokens, stats.new_tokens
        evidence = Evidence(
            expected=None if promise is None else promise.expected(*asked),
            reading=TokenReading.of(model, stats.prompt_tokens + stats.new_tokens // 2),
            surroundings=self._moment.until(Moment.now()),
            neighbours=self._neighbours,
        )
        return list(diagnosis(self._cost(stats), evidence).sentences)

    def _cost(self, stats: RequestStats) -> AnswerCost:
        loading, preparation = self._seconds["loading"], self._seconds["preparation"]
        before = loading + preparation
        return AnswerCost(
            prompt_tokens=stats.prompt_tokens,
            cached_tokens=stats.cached_tokens,
            new_tokens=stats.new_tokens,
            first_token_seconds=before + (stats.first_token_seconds or stats.total_seconds),
            total_seconds=before + stats.total_seconds,
            preparation_seconds=preparation,
            drafted_tokens=sum(each.drafted for each in stats.drafts),
            accepted_tokens=sum(each.accepted for each in stats.drafts),
            speedup=stats.speedup,
            waiting_seconds=stats.waiting_seconds,
            loading_seconds=loading,
        )
