"""Several running requests read together, token by token, until each has ended. Knows token events and no text.

Rows are read step by step, because one step of the engine gives a token to each: a row that its reader stops (a stop
string, a criterion) is cancelled at once and does not run on behind its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from causerie.engine.request import RequestStats, TokenEvent
from causerie.errors import EngineError, failure_of


class EventStream(Protocol):
    """What the engine hands out for one request; closing it cancels the request."""

    def __iter__(self) -> Iterator[TokenEvent]: ...
    def __next__(self) -> TokenEvent: ...
    def close(self) -> None: ...


Watch = Callable[[Mapping[int, TokenEvent]], Mapping[int, str]]
"""Called after each step with the new token of each row that was going on; gives the rows that end with it, and why."""


@dataclass
class Answer:
    """One row's new tokens and what was kept beside them, step by step."""

    tokens: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    scores: list[NDArray[np.float32]] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    prompt_logits: NDArray[np.float32] | None = None
    mean_state: NDArray[np.float64] | None = None
    stats: RequestStats | None = None

    def add(self, event: TokenEvent) -> None:
        """Takes one event. Raises what the request ended with, in the engine's own sentence."""
        if event.finish_reason == "error":
            raise failure_of(event.error or "The engine ended this request without saying why.", event.error_field)
        if event.token is not None:
            self.tokens.append(event.token)
            if event.logits is not None:
                self.logits.append(event.logits)
            if event.scores is not None:
                self.scores.append(event.scores)
            if event.logprob is not None:
                self.logprobs.append(event.logprob)
        if event.prompt_logits is not None:
            self.prompt_logits = event.prompt_logits
        if event.mean_state is not None:
            self.mean_state = event.mean_state
        if event.finish_reason is not None:
            self.finish_reason, self.stats = event.finish_reason, event.stats


def read_answers(streams: Sequence[EventStream], watch: Watch | None = None) -> list[Answer]:
    """Every stream's answer, in their order. Whatever happens, no request is left running."""
    answers = [Answer() for _ in streams]
    live = list(range(len(streams)))
    try:
        while live:
            tokens = {row: event for row in live if (event := _next_token(streams[row], answers[row])) is not None}
            for row, reason in (watch(tokens) if watch is not None and tokens else {}).items():
                streams[row].close()
                answers[row].finish_reason = reason
            live = [row for row in live if answers[row].finish_reason is None]
    finally:
        for stream in streams:
            stream.close()
    return answers


def _next_token(stream: EventStream, answer: Answer) -> TokenEvent | None:
    """Reads up to the next token; None where the answer has ended without another."""
    while answer.finish_reason is None:
        event = next(stream, None)
        if event is None:
            raise EngineError("A request ended without its last event; this is a fault of the program.")
        answer.add(event)
        if event.token is not None:
            return event
    return None
