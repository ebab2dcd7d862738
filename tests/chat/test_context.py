"""Chats that no longer fit: what goes, what stays."""

from __future__ import annotations

from typing import Any

import pytest

from causerie.chat.context import SUMMARY_HEAD, SUMMARY_REQUEST, drop_oldest, summarize
from causerie.errors import ContextLengthError

SYSTEM = {"role": "system", "content": "s"}


def chat(rounds: int, **more: Any) -> list[dict[str, Any]]:
    pairs = [({"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}) for n in range(rounds)]
    return [SYSTEM, *(message for pair in pairs for message in pair), {"role": "user", "content": "last"}]


def at_most(count: int) -> Any:
    return lambda messages: len(messages) <= count


def contents(messages: list[dict[str, Any]]) -> list[str]:
    return [message["content"] for message in messages]


def test_whole_rounds_go_from_the_oldest() -> None:
    done = drop_oldest(chat(3), at_most(5))
    assert contents(done.messages) == ["s", "q2", "a2", "last"] and done.rounds == 2
    assert drop_oldest(chat(3), at_most(99)).rounds == 0


def test_what_is_pinned_stays() -> None:
    messages = chat(3)
    messages[1]["pinned"] = True
    messages[4]["pinned"] = True
    assert contents(drop_oldest(messages, at_most(5)).messages) == ["s", "q0", "a1", "last"]


def test_what_cannot_be_shortened_is_refused() -> None:
    with pytest.raises(ContextLengthError, match="last message alone"):
        drop_oldest(chat(2), at_most(1))


def test_a_summary_takes_the_place_of_what_went() -> None:
    asked: list[Any] = []

    def write(messages: list[dict[str, Any]]) -> str:
        asked.append(contents(messages))
        return "they spoke"

    done = summarize(chat(3), at_most(6), write)
    assert asked == [["q0", "a0", SUMMARY_REQUEST], ["q0", "a0", "q1", "a1", SUMMARY_REQUEST]]  # it needs room too
    assert contents(done.messages) == ["s", SUMMARY_HEAD + "they spoke", "I have read the summary.", "q2", "a2", "last"]
    assert done.rounds == 2
    with pytest.raises(ContextLengthError, match="A summary of the chat does not fit"):
        summarize(chat(2), at_most(3), write)
    assert summarize(chat(1), at_most(99), write).rounds == 0
