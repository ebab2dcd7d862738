"""The commands of the terminal chat: how a line is known to be one, and which there are.

Knows no model; what a command needs of the chat it asks the conversation.
"""

from __future__ import annotations

import re

from causerie.cli import ollama
from causerie.cli.chat.commands import answers, files, program_help, settings, turns
from causerie.cli.chat.commands.command import Command, Session
from causerie.errors import UsageError, unknown


def _help(session: Session, _: str) -> None:
    width = max(len(f"{name} {command.takes}") for name, command in COMMANDS.items()) + 2
    for name, command in COMMANDS.items():
        session.screen.line(f"  {f'{name} {command.takes}':<{width}}{command.sentence}")
    session.screen.line(f"  {'Ctrl-C':<{width}}stops an answer and keeps the chat")
    for line in (
        "help, clear and exit also work alone; the others take / or ! before them.",
        "A line that begins with a space is a message.",
        "Alt-Enter begins a new line; Ctrl-X Ctrl-E opens your editor; Tab completes.",
        "Pasted lines stay one message; `edit answer` changes what the model said.",
    ):
        session.screen.line(line, "dim")
    session.screen.line()


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


COMMANDS = {
    "help": Command("lists these", _help, bare=True),
    "clear": Command("begins a new chat; the system prompt stays", turns.clear, bare=True),
    "exit": Command("leaves; Ctrl-D does too", _leave, bare=True),
    "status": Command("the model, the chat, and what is set", settings.show_status),
    "set": Command("sets generate flags from now on", settings.set_flags, "KEY=VALUE ..."),
    "unset": Command("leaves a flag to the model again", settings.unset_flag, "KEY"),
    "system": Command("shows or sets the system prompt, or removes it", settings.system_prompt, "[TEXT|clear]"),
    "model": Command("goes on with another model", settings.switch_model, "[NAME]"),
    "retry": Command("answers your last message anew", turns.retry, "[KEY=VALUE ...]"),
    "undo": Command("forgets your last message and its answer", turns.undo),
    "edit": Command("asks your last message in other words", turns.edit, "[TEXT|answer]"),
    "continue": Command("goes on with the last answer", turns.proceed),
    "branch": Command("begins a branch of the chat, or goes back to one", turns.go_to_branch, "[NAME]"),
    "branches": Command("lists the branches", turns.list_branches),
    "save": Command("saves the chat", files.save_chat, "[NAME]"),
    "load": Command("goes on with a saved chat", files.load_chat, "NAME"),
    "list": Command("lists the saved chats", files.list_chats),
    "file": Command("sends text files with the next message", files.attach_files, "PATH"),
    "copy": Command("copies the last answer", answers.copy_answer),
    "stats": Command("what the last answer cost, and the memory", answers.show_cost),
    "why": Command("where the last answer's time went", answers.show_reasons),
    "tokens": Command("the last answer's tokens with their probabilities", answers.show_tokens),
    "think": Command("whether the model reasons first; N: tokens at most", settings.think, "on|off|N"),
    "reasoning": Command("shows the last answer's reasoning; folds the next", settings.show_reasoning, "[fold|show]"),
    "context": Command("what to do with a chat that no longer fits", settings.context_policy, "POLICY"),
    "ask": Command("asks the built-in assistant about this program", program_help.ask, "QUESTION"),
    "examples": Command("things to try", _examples),
    "export": Command("writes the chat as Markdown or JSON", files.export_chat, "FILE.md|FILE.json"),
}
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
