"""What looks on while answers are generated: stop strings, repetition, the caller's criteria, a streamer. It decides
only when a row ends. Knows text through a tokenizer it is handed, and no engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.generation.caller_code import callables_of, kind_for
from causerie.api.generation.outputs import score_steps
from causerie.api.generation.prompt_rows import Container
from causerie.api.generation.resolution import Generation
from causerie.api.generation.stopping_criteria import ended_rows
from causerie.api.generation.streamers import text_of
from causerie.engine.request import TokenEvent
from causerie.errors import UsageError
from causerie.text.detokenize import Detokenizer
from causerie.text.repetition import repeats_itself
from causerie.text.stream import StopText

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer


class Watching:
    """Looks on for `prompts`, which run by one plan. As a context manager it begins and ends the streamer: with
    `end()` when all went well, else with `fail(error)` where the streamer has it, so that whoever iterates over it
    hears of the error."""

    def __init__(
        self,
        prompts: Sequence[Sequence[int]],
        container: Container,
        plan: Generation,
        tokenizer: ChatTokenizer | None,
        criteria: Any,
        streamer: Any,
    ) -> None:
        if streamer is not None and len(prompts) > 1:
            raise UsageError(
                f"A streamer shows one answer and {len(prompts)} were asked for; leave out one of the two."
            )
        for name in ("put", "end"):
            if streamer is not None and not callable(getattr(streamer, name, None)):
                raise UsageError(f"streamer is {type(streamer).__name__}, which has no {name}(); use TextStreamer.")
        self._kind = Container("torch" if container.kind == "torch" else "numpy", "cpu")
        self._streamer = streamer
        self._prompts = prompts
        self._answers: list[list[int]] = [[] for _ in prompts] if plan.repetition_detection else []
        self._stops: list[tuple[Detokenizer, StopText]] = []
        if plan.stop_strings and tokenizer is not None:
            text = text_of(tokenizer)
            self._stops = [(Detokenizer(text), StopText(plan.stop_strings)) for _ in prompts]
        several = callables_of("stopping_criteria", criteria)
        self._batch = _JudgedBatch(prompts, several, plan, container) if several else None

    @property
    def needed(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._stops or self._answers or self._batch is not None or self._streamer is not None)

    def see(self, tokens: Mapping[int, TokenEvent]) -> dict[int, str]:
        """Takes a step's new token of each row that goes on; the rows that end with it: "stop" or "repetition"."""
        if self._streamer is not None:
            for event in tokens.values():
                self._streamer.put(self._kind.array(np.array([event.token], dtype=np.int64)))
        stopped = [row for row, event in tokens.items() if self._stops and self._stop_completed(row, event)]
        if self._batch is not None:
            stopped += self._batch.ended(tokens)
        repeated = [row for row, event in tokens.items() if self._answers and self._repeats(row, event)]
        return dict.fromkeys(repeated, "repetition") | dict.fromkeys(stopped, "stop")

    def _stop_completed(self, row: int, event: TokenEvent) -> bool:
        detokenizer, stop = self._stops[row]
        stop.feed(detokenizer.push(_token(event)))
        return stop.stopped

    def _repeats(self, row: int, event: TokenEvent) -> bool:
        self._answers[row].append(_token(event))
        return repeats_itself(self._answers[row])

    def __enter__(self) -> Watching:
        if self._streamer is not None:
            self._streamer.put(self._kind.array(np.array([self._prompts[0]], dtype=np.int64)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._streamer is None:
            return
        if error is None or not _tell(self._streamer, error):
            self._streamer.end()


class _JudgedBatch:
    """The rows as the caller's criteria see them, the field's way: all of one length, filled up on the left where
    prompts are of several lengths and on the right where a row has ended, both with the token that pads."""

    def __init__(
        self, prompts: Sequence[Sequence[int]], criteria: list[Any], plan: Generation, container: Container
    ) -> None:
        width = max(map(len, prompts))
        self._ids: NDArray[np.int64] = np.full((len(prompts), width), plan.pad, dtype=np.int64)
        for row, tokens in enumerate(prompts):
            self._ids[row, width - len(tokens) :] = tokens
        self._criteria = criteria
        self._pad = plan.pad
        self._renormalize = plan.renormalize
        self._kind = kind_for(criteria, container)
        self._scores: tuple[Any, ...] | None = () if plan.params.keep_scores else None

    def ended(self, tokens: Mapping[int, TokenEvent]) -> list[int]:
        """Those of the rows of a step that the criteria end."""
        rows = range(len(self._ids))
        column = [_token(tokens[row]) if row in tokens else self._pad for row in rows]
        self._ids = np.column_stack([self._ids, np.array(column, dtype=np.int64)])
        if self._scores is not None:
            step = [[scores] if row in tokens and (scores := tokens[row].scores) is not None else [] for row in rows]
            self._scores += tuple(map(self._kind.array, score_steps(step, self._renormalize)))
        ended = ended_rows(self._criteria, self._kind.array(self._ids), self._scores)
        return [row for row in tokens if ended[row]]


def _token(event: TokenEvent) -> int:
    assert event.token is not None  # answers.read_answers hands on nothing else
    return event.token


@contextmanager
def preparing(streamer: Any) -> Iterator[None]:
    """What goes wrong before a `Watching` has begun must reach the streamer too: somebody may be waiting for it."""
    try:
        yield
    except BaseException as error:
        _tell(streamer, error)
        raise


def _tell(streamer: Any, error: BaseException) -> bool:
    """Tells the streamer of an error; False where it has no ear for one."""
    fail = getattr(streamer, "fail", None)
    if callable(fail):
        fail(error)
    return callable(fail)
