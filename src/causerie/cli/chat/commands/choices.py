"""The command /n: several answers to one message, of which the user keeps one."""

from __future__ import annotations

from typing import Any

from causerie.cli.chat.commands.command import Session
from causerie.errors import UsageError

MOST = 9
"""Answers at once: the user chooses by one digit."""


def choose_answer(session: Session, words: str) -> None:
    """/n N: the last message answered N times, each time with other draws, and the one that is wanted kept."""
    count = _count(words)
    chat = session.conversation
    if not any(message["role"] == "user" for message in chat.messages):
        raise UsageError("There is no message yet that could be answered.")
    before = chat.messages
    answers: list[list[dict[str, Any]]] = []
    while len(answers) < count:
        session.screen.line(f"Answer {len(answers) + 1} of {count}", "bold")
        session.answer(lambda: chat.retry(_flags(chat.settings, len(answers))))
        if session.finish_reason == "cancelled" or not _answered(chat.messages):
            break
        answers.append(chat.messages)
    if not answers:
        chat.replace(before)
        raise UsageError("No answer came; the chat is as it was.")
    letter = session.ask(f"1 to {len(answers)}: keep that one   anything else: the chat as it was")
    kept = int(letter) - 1 if letter.isdigit() and 1 <= int(letter) <= len(answers) else None
    chat.replace(before if kept is None else answers[kept])
    session.screen.line("The chat is as it was." if kept is None else f"The chat goes on with answer {letter}.", "dim")
    session.screen.line()


def _count(words: str) -> int:
    if not words.isascii() or not words.isdigit() or not 2 <= int(words) <= MOST:
        raise UsageError(f"/n wants how many answers, 2 to {MOST}, such as /n 3; it got {words or 'nothing'!r}.")
    return int(words)


def _flags(settings: Any, index: int) -> list[str]:
    """Other draws for each answer: they are drawn where they were not, and a seed counts on."""
    flags = [] if "temperature" in settings or "do_sample" in settings else ["do_sample=True"]
    seed = settings.get("seed")
    return flags if seed is None else [*flags, f"seed={int(seed) + index}"]


def _answered(messages: list[dict[str, Any]]) -> bool:
    return bool(messages) and messages[-1]["role"] == "assistant"
