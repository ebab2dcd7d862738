"""What looks on while answers are generated: stop strings, repetition, the caller's criteria, a streamer. It decides
only when a row ends. Knows text through a tokenizer it is handed, and no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from causerie.api.generation.prompt_rows import Container
from causerie.api.generation.streamers import text_of
from causerie.api.tensors import to_numpy
from causerie.errors import UsageError
from causerie.text.detokenize import Detokenizer
from causerie.text.repetition import repeats_itself
from causerie.text.stream import StopText

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer

Criterion = Callable[[Any, Any], Any]


class Watching:
    """Looks on for rows `given`. As a context manager it begins and ends the streamer: with `end()` when all went well,
    else with `fail(error)` where the streamer has it, so that whoever iterates over it hears of the error."""

    def __init__(
        self,
        given: Sequence[Sequence[int]],
        container: Container,
        stop_strings: Sequence[str],
        tokenizer: ChatTokenizer | None,
        criteria: Any,
        streamer: Any,
        repetition_detection: bool = False,
    ) -> None:
        if streamer is not None and len(given) > 1:
            raise UsageError(f"A streamer shows one answer and {len(given)} were asked for; leave out one of the two.")
        for name in ("put", "end"):
            if streamer is not None and not callable(getattr(streamer, name, None)):
                raise UsageError(f"streamer is {type(streamer).__name__}, which has no {name}(); use TextStreamer.")
        self._kind = Container(container.kind if container.kind == "torch" else "numpy", "cpu")
        self._streamer = streamer
        self._criteria = _criteria(criteria)
        self._sequences = [list(row) for row in given]
        self._answers: list[list[int]] = [[] for _ in given] if repetition_detection else []
        self._stops: list[tuple[Detokenizer, StopText]] = []
        if stop_strings and tokenizer is not None:
            text = text_of(tokenizer)
            self._stops = [(Detokenizer(text), StopText(stop_strings)) for _ in given]

    @property
    def needed(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._stops or self._answers or self._criteria or self._streamer is not None)

    def see(self, row: int, token: int) -> str | None:
        """Takes a row's new token; why the row ends with it ("stop", "repetition"), or None."""
        if self._streamer is not None:
            self._streamer.put(self._kind.array(np.array([token], dtype=np.int64)))
        ended = False
        if self._stops:
            detokenizer, stop = self._stops[row]
            stop.feed(detokenizer.push(token))
            ended = stop.stopped
        if self._criteria:
            self._sequences[row].append(token)
            ids = self._kind.array(np.array([self._sequences[row]], dtype=np.int64))
            ended |= any(bool(np.all(to_numpy(criterion(ids, None)))) for criterion in self._criteria)
        if ended:
            return "stop"
        if self._answers:
            self._answers[row].append(token)
            if repeats_itself(self._answers[row]):
                return "repetition"
        return None

    def __enter__(self) -> Watching:
        if self._streamer is not None:
            self._streamer.put(self._kind.array(np.array([self._sequences[0]], dtype=np.int64)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._streamer is None:
            return
        if error is None or not _told(self._streamer, error):
            self._streamer.end()


@contextmanager
def preparing(streamer: Any) -> Iterator[None]:
    """What goes wrong before a `Watching` has begun must reach the streamer too: somebody may be waiting for it."""
    try:
        yield
    except BaseException as error:
        _told(streamer, error)
        raise


def _told(streamer: Any, error: BaseException) -> bool:
    """Tells the streamer of an error; False where it has no ear for one."""
    fail = getattr(streamer, "fail", None)
    if callable(fail):
        fail(error)
    return callable(fail)


def _criteria(criteria: Any) -> list[Criterion]:
    """One criterion, or several in anything that can be iterated over."""
    if criteria is None:
        return []
    listed = list(criteria) if hasattr(criteria, "__iter__") else [criteria]
    for criterion in listed:
        if not callable(criterion):
            raise UsageError(f"stopping_criteria holds {criterion!r}; expected callables of (input_ids, scores).")
    return listed
