"""The command /compare: what another model would have answered, and which of the two answers the chat goes on with."""

from __future__ import annotations

from causerie.cli.chat.commands.command import Session
from causerie.cli.chat.commands.tools import offer_again
from causerie.errors import UsageError


def compare(session: Session, name: str) -> None:
    """/compare MODEL: the last message, answered by another model as well."""
    chat = session.conversation
    if not name:
        raise UsageError("/compare wants the name of another model, such as /compare builtin.")
    if not chat.messages or chat.messages[-1]["role"] != "assistant":
        raise UsageError("There is no answer yet that another one could be compared with.")
    own = chat.messages[-1]["content"]
    other = chat.beside(name)
    try:
        session.screen.line(chat.model_name, "bold")
        session.screen.piece(str(own))
        session.screen.line()
        session.screen.line(other.model_name, "bold")
        session.conversation = other
        session.answer(other.retry)
        answered = other.messages
    finally:
        session.conversation = chat
        other.close()
        session.keep()  # meanwhile the file had the other's answer
    if session.finish_reason == "cancelled" or answered[-1]["role"] != "assistant":
        raise UsageError("No other answer came; the chat is as it was.")
    letter = session.ask(
        f"a: take the answer of {other.model_name}   m: take it and go on with that model   "
        "anything else: the chat as it was"
    )
    if letter == "m":
        chat.switch(name)
        offer_again(session)
    if letter in ("a", "m"):
        chat.replace(answered)
        session.keep()
    session.screen.line(
        f"The chat goes on with {chat.model_name}, after the answer of "
        f"{other.model_name if letter in ('a', 'm') else chat.model_name}.",
        "dim",
    )
    session.screen.line()
