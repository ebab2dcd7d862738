"""The commands of the terminal chat: how a line is known to be one, and which there are.

Knows no model; what a command needs of the chat it asks the conversation.
"""

from __future__ import annotations

import re

from causerie.cli import ollama
from causerie.cli.chat.commands import (
    answers,
    bad_words,
    choices,
    comparison,
    files,
    model_card,
    program_help,
    settings,
    tools,
    turns,
)
from causerie.cli.chat.commands.command import Command, Session
from causerie.errors import UsageError, unknown


def _help(session: Session, _: str) -> None:
    width = max(len(f"{name} {command.takes}") for name, command in COMMANDS.items()) + 2
    rows: list[tuple[str, str | None]] = []
    for title, commands in GROUPS.items():
        rows.append((title, "bold"))
        rows += [(f"  {f'{name} {each.takes}':<{width}}{each.sentence}", None) for name, each in commands.items()]
    rows.append((f"  {'Ctrl-C':<{width}}stops an answer and keeps the chat", None))
    rows += [
        (line, "dim")
        for line in (
            "help, clear and exit also work alone; the others take / or ! before them.",
            "A line that begins with a space is a message.",
            'Lines between """ and """ are one message, and so are pasted ones.',
            "Alt-Enter begins a new line; Ctrl-X Ctrl-E opens your editor; Tab completes.",
            "`edit answer` changes what the model said.",
        )
    ]
    _show_by_pages(session, rows)
    session.screen.line()


def _show_by_pages(session: Session, rows: list[tuple[str, str | None]]) -> None:
    """Lines with their styles; where the terminal has fewer rows, as many as it shows, until the user wants more."""
    room = session.screen.rows
    page = len(rows) if room is None or room > len(rows) else max(3, room - 2)
    for at in range(0, len(rows), page):
        if at and session.ask(f"Enter: more ({at} of {len(rows)} lines)   q: enough") == "q":
            return
        for line, style in rows[at : at + page]:
            session.screen.line(line, style)


def _leave(session: Session, _: str) -> None:
    session.leave()


EXAMPLES = (
    "What is a token?",
    "Explain how a bicycle stays upright.",
    "/set temperature=0.8",
    "/file README.md",
    "/retry temperature=1.2",
    "/save on bicycles",
)


def _examples(session: Session, _: str) -> None:
    for example in EXAMPLES:
        session.screen.line(f"  {example}")
    session.screen.line()


GROUPS = {
    "The chat": {
        "clear": Command("begins a new chat; the system prompt stays", turns.clear, bare=True),
        "retry": Command("answers your last message anew", turns.retry, "[KEY=VALUE ...]"),
        "n": Command("answers it N times, for you to choose one", choices.choose_answer, "N"),
        "undo": Command("forgets your last message and its answer", turns.undo),
        "edit": Command("asks your last message in other words", turns.edit, "[TEXT|answer]"),
        "continue": Command("goes on with the last answer", turns.proceed),
        "branch": Command("begins a branch of the chat, or goes back to one", turns.go_to_branch, "[NAME]"),
        "branches": Command("lists the branches", turns.list_branches),
    },
    "The answer": {
        "copy": Command("copies the last answer", answers.copy_answer),
        "stats": Command("what the last answer cost, and the memory", answers.show_cost),
        "why": Command("where the last answer's time went", answers.show_reasons),
        "tokens": Command("the last answer's tokens with their probabilities", answers.show_tokens),
        "probs": Command("shows how likely each token is, as answers come", answers.show_probabilities, "on|off"),
        "compare": Command("what another model answers; you choose one", comparison.compare, "MODEL"),
        "reasoning": Command(
            "shows the last answer's reasoning; folds the next", settings.show_reasoning, "[fold|show]"
        ),
    },
    "The model": {
        "model": Command("goes on with another model", settings.switch_model, "[NAME]"),
        "set": Command("sets generate flags from now on", settings.set_flags, "KEY=VALUE ..."),
        "unset": Command("leaves a flag to the model again", settings.unset_flag, "KEY"),
        "system": Command("shows or sets the system prompt, or removes it", settings.system_prompt, "[TEXT|clear]"),
        "ban": Command("keeps the model from writing something; lists that", bad_words.ban, "[TEXT]"),
        "unban": Command("lets it write that again, or everything", bad_words.unban, "[TEXT]"),
        "show": Command("the model; its prompt, template, system, parameters", model_card.show, "[WHAT]"),
        "think": Command("whether the model reasons first; N: tokens at most", settings.think, "on|off|N"),
        "tools": Command("the tools; on, off, ask, always or never for one", tools.tools, "[NAME WORD]"),
        "context": Command("what to do with a chat that no longer fits", settings.context_policy, "POLICY"),
        "status": Command("the model, the chat, and what is set", settings.show_status),
    },
    "Files": {
        "file": Command("sends text files with the next message", files.attach_files, "PATH"),
        "save": Command("saves the chat", files.save_chat, "[NAME]"),
        "load": Command("goes on with a saved chat", files.load_chat, "NAME"),
        "list": Command("lists the saved chats", files.list_chats),
        "export": Command("writes the chat as Markdown or JSON", files.export_chat, "FILE.md|FILE.json"),
    },
    "The program": {
        "help": Command("lists these", _help, bare=True),
        "ask": Command("asks the built-in assistant about this program", program_help.ask, "QUESTION"),
        "examples": Command("things to try", _examples),
        "exit": Command("leaves; Ctrl-D does too", _leave, bare=True),
    },
}
"""The commands, by what they are about."""

COMMANDS = {name: command for commands in GROUPS.values() for name, command in commands.items()}
"""Every command, by its name."""

_OTHER_NAMES = {"quit": "exit"}
_BARE = {name: name for name, command in COMMANDS.items() if command.bare} | _OTHER_NAMES
_MARKED = {name: name for name in COMMANDS} | _OTHER_NAMES
_COMMAND = re.compile(r"[/!]\s*([A-Za-z][\w-]*|\?)(?:\s+(.*))?", re.DOTALL)


def command_of(text: str) -> tuple[str, str] | None:
    """The command that a stripped line is and what follows it, or None for a message. `help`, `clear` and `exit` alone,
    or any name after `/` or `!`, are commands; `/usr/bin` and `help me` are messages. Raises UnknownName for `/name`
    where there is no such command, UsageError for words after one that takes none."""
    bare = _BARE.get(text.casefold())
    if bare is not None:
        return bare, ""
    marked = _COMMAND.fullmatch(text)
    if marked is None:
        return None
    name, rest = marked[1].casefold(), (marked[2] or "").strip()
    if name in ollama.COMMANDS:
        raise UsageError(f"{text.split()[0]} is a command of Ollama. Here: {ollama.COMMANDS[name]}")
    if name not in _MARKED:
        advice = "Put a space before the line to send it as a message."
        raise unknown("command", text.split()[0], COMMANDS, advice=advice)
    name = _MARKED[name]
    if rest and not COMMANDS[name].takes:
        raise UsageError(f"{name} takes nothing after it. Put a space before the line to send it as a message.")
    return name, rest
