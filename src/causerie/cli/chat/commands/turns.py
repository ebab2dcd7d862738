"""Commands that change how the chat goes: ask again, take back, edit, branch."""

from __future__ import annotations

from difflib import get_close_matches

from causerie.cli.chat.commands.command import Session
from causerie.cli.options.flags import flag_words
from causerie.errors import UsageError


def clear(session: Session, _: str) -> None:
    """/clear: a new chat under a new name."""
    session.conversation.clear()
    session.tools.forget()
    session.forget_name()
    session.screen.line("A new chat.", "dim")
    session.screen.line()


def retry(session: Session, words: str) -> None:
    """/retry, this once with other flags where some are named."""
    session.answer(lambda: session.conversation.retry(flag_words(words)))


def undo(session: Session, _: str) -> None:
    """/undo."""
    if not session.conversation.undo():
        raise UsageError("There is nothing to undo.")
    session.screen.line("Your last message and its answer are forgotten.", "dim")
    session.screen.line()


def edit(session: Session, words: str) -> None:
    """/edit: the last message in other words, asked again; `/edit answer`: the model's words, changed."""
    mine = words != "answer"
    role = "user" if mine else "assistant"
    said = [str(message["content"]) for message in session.conversation.messages if message["role"] == role]
    if not said:
        raise UsageError("There is nothing to edit yet.")
    text = words if mine and words else session.keyboard.edit(said[-1])
    if not mine:
        session.conversation.amend(text)
        session.screen.line("The answer is changed; /continue goes on with it.", "dim")
        session.screen.line()
        return
    session.conversation.undo()
    session.answer(lambda: session.conversation.reply(text))


def proceed(session: Session, _: str) -> None:
    """/continue."""
    session.answer(session.conversation.proceed)


def go_to_branch(session: Session, name: str) -> None:
    """/branch: goes to one that is there, or begins one; a name that is nearly one of them is asked about."""
    branches = session.branches
    known = {*branches, session.branch}
    meant = [] if name in known else get_close_matches(name, known, n=1, cutoff=0.7)
    if meant:
        letter = session.ask(
            f"There is no branch {name}. Did you mean {meant[0]}?",
            f"y: go to {meant[0]}   n: begin {name}   anything else: nothing",
        )
        if letter not in ("y", "n"):
            raise UsageError("No branch was begun or left.")
        name = meant[0] if letter == "y" else name
    if name == session.branch:
        session.screen.line(f"This is branch {name}.", "dim")
    elif name in branches:
        branches[session.branch] = session.conversation.messages
        session.conversation.replace(branches[name])
        session.branch = name
        session.screen.line(f"Back on branch {name}, with {len(branches[name])} messages.", "dim")
    else:
        name = name or f"branch {len(branches) + 2}"
        branches[session.branch] = session.conversation.messages
        branches[name] = session.conversation.messages
        session.screen.line(f"On a new branch, {name}; /branch {session.branch} goes back.", "dim")
        session.branch = name
    session.screen.line()


def list_branches(session: Session, _: str) -> None:
    """/branches."""
    for name, messages in {**session.branches, session.branch: session.conversation.messages}.items():
        session.screen.line(f"{'* ' if name == session.branch else '  '}{name}: {len(messages)} messages")
    session.screen.line()
