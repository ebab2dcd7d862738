"""A session of the terminal chat whose lines a test types, by its whole output without a model."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.chat_files import ChatFolder
from causerie.cli.chat.terminal import Terminal
from causerie.cli.screen.screen import Screen
from tests.cli.scripted import ScriptedConversation, ScriptedKeyboard, ScriptedReply

COST = AnswerCost(20, 8, 11, 0.25, 0.75, 0.05)


def session(
    folder: Path,
    chat: ScriptedConversation,
    *lines: str,
    edits: tuple[str, ...] = (),
    autosave: bool = False,
    program_help: ScriptedConversation | None = None,
) -> tuple[str, Terminal]:
    """What a session shows after its header, and the terminal."""
    out = io.StringIO()
    keyboard = ScriptedKeyboard(list(lines), edits=list(edits))
    now = datetime(2026, 3, 4, 5, 6, 7)
    beside = program_help or ScriptedConversation([])
    terminal = Terminal(
        chat, keyboard, Screen(out), (), ChatFolder(folder), beside, autosave=autosave, clock=lambda: now
    )  # fmt: skip
    terminal.run()
    return out.getvalue().removeprefix("\n"), terminal


def replies(*texts: str) -> ScriptedConversation:
    return ScriptedConversation([ScriptedReply([text]) for text in texts])
