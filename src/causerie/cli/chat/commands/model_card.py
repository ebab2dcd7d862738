"""The command /show: the model, and what it is told."""

from __future__ import annotations

from collections.abc import Callable

from causerie.cli.chat.commands.command import Session
from causerie.errors import unknown


def show(session: Session, subject: str) -> None:
    """/show [model|info|prompt|template|system|parameters]; alone, the model."""
    name = subject or "model"
    if name not in SUBJECTS:
        raise unknown("subject of /show", name, SUBJECTS)
    SUBJECTS[name](session)
    session.screen.line()


def _model(session: Session) -> None:
    chat = session.conversation
    session.screen.line(chat.description)
    for name, value in chat.memory:
        session.screen.line(f"  {name:<20}{value}")
    if (promise := chat.promise) is not None:
        session.screen.line(promise, "dim")


def _prompt(session: Session) -> None:
    session.screen.line("The last answer goes on from this text, as the model reads it:", "dim")
    _as_it_is(session, session.conversation.prompt_text())


def _template(session: Session) -> None:
    _as_it_is(session, session.conversation.template())


def _system(session: Session) -> None:
    prompt = session.conversation.system_prompt
    if prompt is None:
        session.screen.line("There is no system prompt; /system TEXT sets one.", "dim")
    else:
        _as_it_is(session, prompt)


def _parameters(session: Session) -> None:
    for name, value, origin in session.conversation.parameters():
        session.screen.line(f"  {name:<28}{value!s:<20}{origin}")


def _as_it_is(session: Session, text: str) -> None:
    for line in text.splitlines():
        session.screen.line(line)


SUBJECTS: dict[str, Callable[[Session], None]] = {
    "model": _model,
    "info": _model,  # Ollama's name
    "prompt": _prompt,
    "template": _template,
    "system": _system,
    "parameters": _parameters,
}
"""What can be shown, by its name."""
