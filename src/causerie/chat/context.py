"""What to do with a chat that no longer fits its model's context. Whoever calls announces what was done.

Knows no model and waits for nothing: `shortening` asks how long a chat is and what a summary says, and goes on with the
answers, so that a terminal and a server can give them in their own ways.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from causerie.chat.messages import Message
from causerie.errors import ContextLengthError

POLICIES = ("error", "drop_oldest", "summarize")
"""error: the message is refused; drop_oldest: whole rounds are forgotten; summarize: they become a few sentences."""

SUMMARY_REQUEST = "Summarize our chat so far in a few sentences, keeping names, numbers and decisions."
SUMMARY_HEAD = "Summary of our chat before this:\n"
_ACKNOWLEDGED = "I have read the summary."


@dataclass(frozen=True)
class Count:
    """Asks how many tokens a chat has."""

    messages: list[dict[str, Any]]


@dataclass(frozen=True)
class Write:
    """Asks for the answer to a chat."""

    messages: list[dict[str, Any]]


@dataclass(frozen=True)
class Shortened:
    """A chat that fits again: how many of the user's messages were taken out, where all that went stood, and the
    summary in its place."""

    messages: list[dict[str, Any]]
    rounds: int = 0
    dropped: tuple[int, ...] = ()
    summary: str | None = None


def shortening(
    messages: Sequence[Message], policy: str, room: int, coarse: int = 1
) -> Generator[Count | Write, Any, Shortened]:
    """The chat without as many of its oldest rounds as it takes to have `room` tokens at most; a round is a user's
    message and what follows it. The system message, messages with a true "pinned", and the last round stay. With
    "summarize" a summary stands in the place of what went.

    What goes is rounded up to a multiple of `coarse` tokens: a chat that grows then keeps its beginning for a while,
    which need not be read again. Raises ContextLengthError where nothing more may go.
    """
    chat = [dict(message) for message in messages]
    length = yield Count(chat)
    if length <= room:
        return Shortened(chat)
    going = _rounds(chat)
    rounds = yield from _first_within(chat, going, length + (room - length) // coarse * coarse)
    if not rounds or (yield Count(_without(chat, _places(going[:rounds])))) > room:
        raise ContextLengthError(
            "The last message alone, with the system prompt and what is pinned, does not fit the model's context. "
            "Shorten it."
        )
    if policy != "summarize":
        gone = _places(going[:rounds])
        return Shortened(_without(chat, gone), rounds, gone)
    for more in range(rounds, len(going) + 1):  # the summary needs room of its own
        gone = _places(going[:more])
        summary = yield from _summary([chat[place] for place in gone], room)
        whole = _with_summary(_without(chat, gone), summary)
        if (yield Count(whole)) <= room:
            return Shortened(whole, more, gone, summary)
    raise ContextLengthError("A summary of the chat does not fit beside the last message. Shorten it.")


def shorten(
    messages: Sequence[Message],
    policy: str,
    room: int,
    count: Callable[[list[dict[str, Any]]], int],
    write: Callable[[list[dict[str, Any]]], str],
) -> Shortened:
    """`shortening`, with its questions answered at once."""
    steps, answer = shortening(messages, policy, room), None
    while True:
        try:
            asked = steps.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = count(asked.messages) if isinstance(asked, Count) else write(asked.messages)


def _first_within(
    chat: list[dict[str, Any]], going: list[tuple[int, ...]], goal: int
) -> Generator[Count | Write, Any, int]:
    """How many rounds must go for `goal` tokens at most; all that may go where that is not enough."""
    low, high = min(1, len(going)), len(going)
    while low < high:
        middle = (low + high) // 2
        if (yield Count(_without(chat, _places(going[:middle])))) <= goal:
            high = middle
        else:
            low = middle + 1
    return low


def _summary(gone: list[dict[str, Any]], room: int) -> Generator[Count | Write, Any, str]:
    """What the model says of the messages that go; of the newest of them where they are too many for it."""
    request = [*gone, {"role": "user", "content": SUMMARY_REQUEST}]
    asked = yield from shortening(request, "drop_oldest", room)
    return str((yield Write(asked.messages))).strip()


def _with_summary(messages: list[dict[str, Any]], summary: str) -> list[dict[str, Any]]:
    head = [message for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    turns = [{"role": "user", "content": SUMMARY_HEAD + summary}, {"role": "assistant", "content": _ACKNOWLEDGED}]
    return [*head, *turns, *rest]


def _rounds(chat: list[dict[str, Any]]) -> list[tuple[int, ...]]:
    """The places of what goes with each round that may go, the oldest first."""
    starts = [place for place, message in enumerate(chat) if message.get("role") == "user"]
    rounds = [
        tuple(place for place in range(start, end) if not chat[place].get("pinned")) for start, end in pairwise(starts)
    ]
    return [going for going in rounds if going]


def _places(rounds: list[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(chain.from_iterable(rounds))


def _without(chat: list[dict[str, Any]], gone: Collection[int]) -> list[dict[str, Any]]:
    going = set(gone)
    return [message for place, message in enumerate(chat) if place not in going]
