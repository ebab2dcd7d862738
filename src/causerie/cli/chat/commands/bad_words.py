"""Commands about words that the model may not write."""

from __future__ import annotations

import json

from causerie.cli.chat.commands.command import Session
from causerie.errors import UsageError, unknown

_FLAG = "bad_words"


def ban(session: Session, text: str) -> None:
    """/ban TEXT: the model may not write it any more; alone, it lists what is banned."""
    banned = _banned(session)
    if text:
        if text.casefold() not in (each.casefold() for each in banned):
            _set(session, [*banned, text])
        session.screen.line(f"The model cannot write {text!r} any more, in small letters or large.", "dim")
    elif banned:
        for each in banned:
            session.screen.line(f"  {each!r}")
        session.screen.line("/unban TEXT lets it write one again, /unban alone all of them.", "dim")
    else:
        session.screen.line("Nothing is banned; /ban TEXT keeps the model from writing it.", "dim")
    session.screen.line()


def unban(session: Session, text: str) -> None:
    """/unban [TEXT]: one of them, or all, may be written again."""
    banned = _banned(session)
    if not banned:
        raise UsageError("Nothing is banned.")
    names = [each for each in banned if each.casefold() == text.casefold()]
    if text and not names:
        raise unknown("banned text", text, banned)
    rest = [each for each in banned if text and each not in names]
    if rest:
        _set(session, rest)
    else:
        session.conversation.unset(_FLAG)
    session.screen.line(f"The model may write {repr(text) if text else 'everything'} again.", "dim")
    session.screen.line()


def _banned(session: Session) -> list[str]:
    return list(session.conversation.settings.get(_FLAG) or [])


def _set(session: Session, texts: list[str]) -> None:
    session.conversation.set([f"{_FLAG}={json.dumps(texts)}"])
