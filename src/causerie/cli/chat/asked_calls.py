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
from causerie.tools.tool import ToolResult

_LETTERS = "o: allow once   a: always in this chat   n: never in this chat   anything else: not this time"
_PATIENCE = 0.5
"""Seconds before the screen says that it waits for a tool."""


def make_calls(session: Session, calls: Sequence[ToolCallPart]) -> bool:
    """Makes those that are allowed and puts what came of all into the chat; False where the user stopped it."""
    results: list[dict[str, Any]] = []
    stopped = False
    for call in calls:
        result = STOPPED if stopped else _made(session, call) if _is_allowed(session, call) else NOT_ALLOWED
        stopped = stopped or result is STOPPED
        results.append(result_message(call, result.text))
    session.conversation.take_results(results)
    return not stopped


def _is_allowed(session: Session, call: ToolCallPart) -> bool:
    tool, rule = session.tools.tools.get(call.name), session.tools.rule(call.name)
    if tool is None:
        return True  # there is nothing to allow: its result says that there is no such tool
    if rule is not None:
        session.screen.line(f"{call_text(call)}{'' if rule == 'always' else ': never in this chat'}", "dim")
        return rule == "always"
    changes = " As its server says, it changes nothing." if tool.reads_only else ""
    letter = session.ask(f"The model wants to call {call_text(call)}", f"{tool.description}{changes}", _LETTERS)
    if letter in ("a", "n"):
        session.tools.decide(call.name, "always" if letter == "a" else "never")
    return letter in ("o", "a")


def _made(session: Session, call: ToolCallPart) -> ToolResult:
    """What came of a call; Ctrl-C ends it."""
    future = session.tools.begin(call)
    try:
        with session.keyboard.silent(), session.screen.waiting(lambda: f"{call.name} …", after=_PATIENCE):
            result = future.result()
    except KeyboardInterrupt:
        future.cancel()
        session.screen.line(f"{call.name} was stopped.", "dim")
        return STOPPED
    session.screen.line(result_line(call, result), "error" if result.failed else "dim")
    session.screen.line()
    return result
