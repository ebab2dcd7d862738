"""The calls of an answer in the terminal: the user is asked before each, sees what came of it, and can stop it.

Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.transcript import result_message
from causerie.cli.chat.chat_tools import NOT_ALLOWED, STOPPED, call_text, result_line
from causerie.cli.chat.commands.command import Session
from causerie.cli.screen.screen import visible
from causerie.tools.tool import MOST_ROUNDS, ToolResult

_LETTERS = "o: allow once   a: always in this chat   n: never in this chat   anything else: not this time"
_TOO_MANY = f"{MOST_ROUNDS} answers in a row called tools, and this one wants to; /continue lets it go on."
_PATIENCE = 0.5
"""Seconds before the screen says that it waits for a tool."""


def make_calls(session: Session, calls: Sequence[ToolCallPart], instead: ToolResult | None) -> bool:
    """See chat_tools.Make. Makes those that are allowed; the user can stop it, and then none that follows is made."""
    if instead is not None:
        session.screen.line(_TOO_MANY, "notice")
    results: list[dict[str, Any]] = []
    for call in calls:
        result = instead or (_made(session, call) if _is_allowed(session, call) else NOT_ALLOWED)
        instead = STOPPED if result is STOPPED else instead
        results.append(result_message(call, result.text))
    session.conversation.take_results(results)
    return instead is None


def _is_allowed(session: Session, call: ToolCallPart) -> bool:
    tool, rule = session.tools.tools.get(call.name), session.tools.rule(call.name)
    if tool is None:
        return True  # there is nothing to allow: its result says that there is no such tool
    shown = visible(call_text(call))
    if rule is not None:
        session.screen.line(f"{shown}{'' if rule == 'always' else ': never in this chat'}", "dim")
        return rule == "always"
    changes = " As its server says, it changes nothing." if tool.reads_only else ""
    letter = session.ask(f"The model wants to call {shown}", f"{visible(tool.purpose)}{changes}", _LETTERS)
    if letter in ("a", "n"):
        session.tools.decide(call.name, "always" if letter == "a" else "never")
    return letter in ("o", "a")


def _made(session: Session, call: ToolCallPart) -> ToolResult:
    """What came of a call; Ctrl-C ends it."""
    future = session.tools.begin(call)
    try:
        with session.keyboard.silent(), session.screen.waiting(lambda: f"{visible(call.name)} …", after=_PATIENCE):
            result = future.result()
    except KeyboardInterrupt:
        future.cancel()
        session.screen.line(f"{visible(call.name)} was stopped.", "dim")
        return STOPPED
    session.screen.line(visible(result_line(call, result)), "error" if result.failed else "dim")
    session.screen.line()
    return result
