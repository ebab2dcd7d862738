"""The command about tools: which there are, which the model is offered, and which may be called without asking."""

from __future__ import annotations

from causerie.cli.chat.commands.command import Session
from causerie.errors import UsageError

_WORDS = ("on", "off", "ask", "always", "never")


def tools(session: Session, words: str) -> None:
    """/tools, /tools NAME WORD, and /tools WORD for all of them."""
    use = session.tools
    if not use.tools:
        raise UsageError("There are no tools here; start with --mcp FILE (docs/tools.md).")
    if not words:
        _list(session)
        return
    name, _, word = words.rpartition(" ")
    if word not in _WORDS:
        raise UsageError(f"tools takes a tool's name and one of {', '.join(_WORDS)}; without a name, all are meant.")
    for each in [name] if name else list(use.tools):
        if word in ("on", "off"):
            use.switch(each, word == "on")
        else:
            use.decide(each, "always" if word == "always" else "never" if word == "never" else None)
    use.offer(session.conversation)
    _list(session)


def _list(session: Session) -> None:
    use = session.tools
    on = {tool.name for tool in use.on}
    rows = [
        (name, use.rule(name) or "asks" if name in on else "off", tool.description.partition("\n")[0])
        for name, tool in use.tools.items()
    ]
    width = max(len(name) for name, _, _ in rows) + 2
    for name, state, purpose in rows:
        session.screen.line(f"  {name:<{width}}{state:<8}{purpose}", None if name in on else "dim")
    session.screen.line()


def offer_again(session: Session) -> None:
    """After another model was taken: tells it of the tools, or the user that it knows none."""
    if not session.tools.on:
        return
    try:
        session.tools.offer(session.conversation)
    except UsageError as error:
        session.screen.line(f"{error} The chat goes on without tools.", "notice")
