"""What to do with a chat that no longer fits its model's context. Whoever calls announces what was done.

Knows no model: whether messages fit is asked, and a summary is written by whoever is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from causerie.errors import ContextLengthError

Message = Mapping[str, Any]
Fits = Callable[[list[dict[str, Any]]], bool]

POLICIES = ("error", "drop_oldest", "summarize")
"""error: the message is refused; drop_oldest: whole rounds are forgotten; summarize: they become a few sentences."""

SUMMARY_REQUEST = "Summarize our chat so far in a few sentences, keeping names, numbers and decisions."
SUMMARY_HEAD = "Summary of our chat before this:\n"
_ACKNOWLEDGED = "I have read the summary."


@dataclass(frozen=True)
class Shortened:
    """A chat that fits again, and how many of the user's messages were taken out of it."""

    messages: list[dict[str, Any]]
    rounds: int


def drop_oldest(messages: Sequence[Message], fits: Fits) -> Shortened:
    """The chat without as many of its oldest rounds as it takes; a round is a user's message and what follows it. The
    system message, messages with a true "pinned", and the last round stay. Raises ContextLengthError where that is too
    much still."""
    kept, rounds = [dict(message) for message in messages], 0
    while not fits(kept):
        shorter = _without_oldest(kept)
        if shorter is None:
            raise ContextLengthError(
                "The last message alone, with the system prompt and what is pinned, does not fit the model's context. "
                "Shorten it."
            )
        kept, rounds = shorter, rounds + 1
    return Shortened(kept, rounds)


def summarize(messages: Sequence[Message], fits: Fits, write: Callable[[list[dict[str, Any]]], str]) -> Shortened:
    """The same, with a summary in the place of what was dropped; `write` answers a chat that asks for one. Raises as
    `drop_oldest`."""
    shortened = drop_oldest(messages, fits)
    while shortened.rounds:
        dropped = _difference(messages, shortened.messages)
        told = write([*dropped, {"role": "user", "content": SUMMARY_REQUEST}])
        summary = [
            {"role": "user", "content": SUMMARY_HEAD + told},
            {"role": "assistant", "content": _ACKNOWLEDGED},
        ]
        head = [message for message in shortened.messages if message["role"] == "system"]
        rest = [message for message in shortened.messages if message["role"] != "system"]
        whole = [*head, *summary, *rest]
        if fits(whole):
            return Shortened(whole, shortened.rounds)
        shorter = _without_oldest(shortened.messages)  # the summary needs room of its own
        if shorter is None:
            raise ContextLengthError("A summary of the chat does not fit beside the last message. Shorten it.")
        shortened = Shortened(shorter, shortened.rounds + 1)
    return shortened


def _difference(messages: Sequence[Message], kept: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages that are not among those kept, which are in the same order."""
    dropped, left = [], list(kept)
    for message in messages:
        if left and left[0] == message:
            left.pop(0)
        else:
            dropped.append(dict(message))
    return dropped


def _without_oldest(messages: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The chat without the oldest round that may go; None where only the last is left."""
    starts = [place for place, message in enumerate(messages) if message["role"] == "user"]
    for start, end in pairwise(starts):
        going = [place for place in range(start, end) if not messages[place].get("pinned")]
        if going:
            return [message for place, message in enumerate(messages) if place not in going]
    return None
