"""What a call of Python says in a warning and goes on: flags that change nothing, an answer that the context cut.

The terminal and the server have their own words for these. Knows plans and answers; no model.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from causerie.api.generation.resolution import Flags, Generation
from causerie.engine.request import TokenEvent

if TYPE_CHECKING:
    from causerie.api.generation.answers import Answer


def warn_of_flags_without_effect(flags: Flags, elsewhere: Collection[str] = ()) -> None:
    """Warns of lengths that another length outvotes, and of drawing flags that a greedy answer does not read; not of
    those that have one `elsewhere`."""
    for name, stronger in flags.outvoted_lengths:
        if name not in elsewhere:
            _warn(
                f"{name}={flags.get(name)} has no effect: {stronger}={flags.get(stronger)} is set too and decides. "
                "Leave one of the two out."
            )
    unread = flags.without_effect
    if not unread:
        return
    named = ", ".join(f"{name}={value:g}" for name, value in unread.items())
    said = "do_sample is not set" if flags.get("do_sample") is None else "do_sample is False"
    _warn(
        f"{named} {'has' if len(unread) == 1 else 'have'} no effect: {said}, so each token is the likeliest one. "
        f"Set do_sample=True to draw tokens at random, or leave {'it' if len(unread) == 1 else 'them'} out."
    )


class ContextNotice:
    """Warns once in a call, however many of its answers end because the model's context is full."""

    def __init__(self, context: int) -> None:
        self._context = context
        self._warned = False

    def look(self, plan: Generation, prompt: int, answers: Sequence[Answer]) -> None:
        """Looks at the answers to a prompt of this many tokens."""
        cut = next((answer for answer in answers if answer.finish_reason == "length"), None)
        if cut is not None and plan.fills_context and not self._warned:
            self._warned = True
            self._warn(prompt, len(cut.tokens))

    def watch(self, plan: Generation, prompt: int, events: Iterator[TokenEvent]) -> Iterator[TokenEvent]:
        """The events of an answer to a prompt of this many tokens, looked at as they pass. Closing closes them."""
        return _Watched(events, partial(self._warn, prompt)) if plan.fills_context else events

    def _warn(self, prompt: int, answer: int) -> None:
        _warn(
            f"An answer was cut because the context is full: the prompt's {prompt} tokens and the answer's "
            f"{answer} make {prompt + answer}, and the model's context is {self._context}. "
            "Shorten the prompt, or take a model with a longer context."
        )


class _Watched(Iterator[TokenEvent]):
    """Events that are counted; `tell` hears of their number where a length ends them."""

    def __init__(self, events: Any, tell: Callable[[int], None]) -> None:
        self._events = events
        self._tell = tell
        self._tokens = 0

    def __next__(self) -> TokenEvent:
        event: TokenEvent = next(self._events)
        self._tokens += event.token is not None
        if event.finish_reason == "length":
            self._tell(self._tokens)
        return event

    def close(self) -> None:
        self._events.close()


def _warn(text: str) -> None:
    """Warns at the line of whoever called this program: from the pipeline it is more or fewer calls away."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "causerie":
        frame, level = frame.f_back, level + 1
    warnings.warn(text, stacklevel=level)
