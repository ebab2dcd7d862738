"""Chats that no longer fit: what goes, what stays."""

from __future__ import annotations

from typing import Any

import pytest

from causerie.chat.context import SUMMARY_HEAD, SUMMARY_REQUEST, Count, Shortened, shorten, shortening
from causerie.errors import ContextLengthError

SYSTEM = {"role": "system", "content": "s"}


def chat(rounds: int, **more: Any) -> list[dict[str, Any]]:
    pairs = [({"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}) for n in range(rounds)]
    return [SYSTEM, *(message for pair in pairs for message in pair), {"role": "user", "content": "last"}]


def at_most(room: int, messages: list[dict[str, Any]], write: Any = None) -> Shortened:
    """A message counts as one token."""
    return shorten(messages, "summarize" if write else "drop_oldest", room, len, write)


def contents(messages: list[dict[str, Any]]) -> list[str]:
    return [message["content"] for message in messages]


def test_whole_rounds_go_from_the_oldest() -> None:
    done = at_most(5, chat(3))
    assert contents(done.messages) == ["s", "q2", "a2", "last"] and done.rounds == 2
    assert at_most(99, chat(3)).rounds == 0


def test_what_is_pinned_stays() -> None:
    messages = chat(3)
    messages[1]["pinned"] = True
    messages[4]["pinned"] = True
    assert contents(at_most(5, messages).messages) == ["s", "q0", "a1", "last"]


def test_what_cannot_be_shortened_is_refused() -> None:
    with pytest.raises(ContextLengthError, match="last message alone"):
        at_most(1, chat(2))


def test_a_summary_takes_the_place_of_what_went() -> None:
    asked: list[Any] = []

    def write(messages: list[dict[str, Any]]) -> str:
        asked.append(contents(messages))
        return "they spoke"

    done = at_most(6, chat(3), write)
    assert asked == [["q0", "a0", SUMMARY_REQUEST], ["q0", "a0", "q1", "a1", SUMMARY_REQUEST]]  # it needs room too
    assert contents(done.messages) == ["s", SUMMARY_HEAD + "they spoke", "I have read the summary.", "q2", "a2", "last"]
    assert done.rounds == 2
    with pytest.raises(ContextLengthError, match="A summary of the chat does not fit"):
        at_most(3, chat(2), write)
    assert at_most(99, chat(1), write).rounds == 0


def test_what_goes_is_told_by_its_place() -> None:
    done = at_most(5, chat(3))
    assert done.dropped == (1, 2, 3, 4) and done.summary is None
    done = at_most(6, chat(3), lambda _: " they spoke\n")
    assert done.dropped == (1, 2, 3, 4) and done.summary == "they spoke"
    assert at_most(99, chat(3)).dropped == ()


def test_a_chat_that_grows_keeps_its_beginning_for_a_while() -> None:
    """Rounded to twenty messages, what goes stays the same for ten rounds; few chats are counted on the way."""
    begins, counted = [], 0
    for rounds in range(50, 80):
        messages, told = chat(rounds), None
        steps = shortening(messages, "drop_oldest", 60, coarse=20)
        try:
            while True:
                asked = steps.send(told)
                assert isinstance(asked, Count)
                told, counted = len(asked.messages), counted + 1
        except StopIteration as end:
            done = end.value
        assert 35 <= len(done.messages) <= 60 and done.messages[0] == SYSTEM
        begins.append(done.messages[1]["content"])
    assert 3 <= len(set(begins)) <= 4 and counted <= 30 * 10
