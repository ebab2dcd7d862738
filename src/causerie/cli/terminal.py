"""The chat in a terminal: reads a line, does a command or shows an answer as it streams, until the user leaves.

Knows a conversation, a keyboard and a screen by their protocols, so that all of it is tested without a model; knows no
tokens and no tensors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from causerie.cli.keyboard import Keyboard
from causerie.cli.screen import Screen
from causerie.errors import CauserieError, UsageError, unknown

PATIENCE = 0.5
"""Seconds before the screen says that it waits for the first words of an answer."""
_NOTHING_SAID = "Stopped before the answer began; the chat is as it was."


@dataclass(frozen=True)
class Cost:
    """What an answer cost: tokens, and seconds."""

    prompt_tokens: int
    cached_tokens: int  # of the prompt: not read again
    new_tokens: int
    first_token_seconds: float
    total_seconds: float

    @property
    def tokens_per_second(self) -> float | None:
        """Speed of the tokens after the first; None where there is nothing to divide."""
        seconds = self.total_seconds - self.first_token_seconds
        return (self.new_tokens - 1) / seconds if self.new_tokens > 1 and seconds > 0 else None


class Reply(Protocol):
    """One answer as it comes. Iterating to the end, or `stop`, puts it into the chat; an error leaves the chat as it
    was before the question."""

    def __iter__(self) -> Iterator[str]: ...
    def stop(self) -> None:
        """Ends the answer now; the chat keeps what has come."""
        ...

    @property
    def finish_reason(self) -> str | None:
        """Why it ended: "stop", "length", "time" or "cancelled"; None before."""
        ...

    @property
    def cost(self) -> Cost | None:
        """Known once it has ended."""
        ...


class Conversation(Protocol):
    """A chat that remembers, with the model that answers it."""

    @property
    def context(self) -> int:
        """Most tokens that chat and answer may have."""
        ...

    @property
    def limit(self) -> str | None:
        """The flag that bounds the length of an answer, as the user wrote it; None: only the context does."""
        ...

    def reply(self, text: str) -> Reply:
        """Asks `text`."""
        ...

    def clear(self) -> None:
        """Forgets everything but the system prompt."""
        ...


class Terminal:
    """`run` holds the whole session. `header` are its first lines."""

    def __init__(self, conversation: Conversation, keyboard: Keyboard, screen: Screen, header: tuple[str, ...]) -> None:
        self._conversation = conversation
        self._keyboard = keyboard
        self._screen = screen
        self._header = header
        self._left = False

    def run(self) -> None:
        """Returns when the user leaves: `exit`, end of input, or Ctrl-C twice."""
        for number, line in enumerate(self._header):
            self._screen.line(line, "dim" if number else "bold")
        self._screen.line()
        interrupted = False
        while not self._left:
            try:
                line = self._keyboard.read()
            except EOFError:
                return
            except KeyboardInterrupt:
                if interrupted:
                    return
                interrupted = True
                self._screen.line("Ctrl-C again, Ctrl-D or exit leaves.", "dim")
                continue
            interrupted = False
            self._take(line)

    def _take(self, line: str) -> None:
        """Does what one line asks: nothing, a command, or a message. A line that begins with a space is a message."""
        text = line.strip()
        if not text:
            return
        try:
            command = None if line[0].isspace() else command_of(text)
        except CauserieError as error:
            self._screen.line(str(error), "error")
            return
        if command is not None:
            COMMANDS[command].act(self)
        else:
            self._answer(text)

    def _answer(self, text: str) -> None:
        """One turn. Whatever goes wrong in it is said, and the chat goes on."""
        try:
            with self._keyboard.silent():
                reply = self._conversation.reply(text)
                said = self._show(reply)
            self._say_end(reply, said)
        except KeyboardInterrupt:  # while the prompt was being made
            self._screen.line(_NOTHING_SAID, "dim")
        except CauserieError as error:
            self._screen.line(str(error), "error")
            self._screen.line("The chat is as it was before this message.", "dim")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not take the user's chat with it
            self._screen.line(f"A fault in Causerie: {type(error).__name__}: {error}", "error")
            self._screen.line("The chat is as it was before this message.", "dim")
        self._screen.line()

    def _show(self, reply: Reply) -> bool:
        """Shows the pieces of an answer, and returns whether there were any; Ctrl-C ends it and keeps what has come."""
        said = False
        try:
            with self._screen.waiting(lambda: "…", after=PATIENCE) as arrived:
                for piece in reply:
                    arrived()
                    self._screen.piece(piece)
                    said = True
        except KeyboardInterrupt:
            reply.stop()
        self._screen.end_piece()
        return said

    def _say_end(self, reply: Reply, said: bool) -> None:
        if said and (cost := reply.cost) is not None:
            self._screen.line(cost_line(cost, self._conversation.context), "dim")
        if reply.finish_reason == "stop" and not said:
            self._screen.line("The model ended its answer without a word.", "dim")
        if reply.finish_reason == "cancelled":
            self._screen.line("Stopped; the chat keeps what was said." if said else _NOTHING_SAID, "dim")
        cut = cut_sentence(reply, self._conversation, ends=" `clear` begins a new chat.")
        if cut is not None:
            self._screen.line(cut, "notice")

    def help(self) -> None:
        """Lists the commands."""
        for name, command in COMMANDS.items():
            self._screen.line(f"  {name:<8}{command.sentence}")
        self._screen.line("  Ctrl-C  stops an answer and keeps the chat")
        for line in (
            "A command may have / or ! before it; a line that begins with a space is a message.",
            "Alt-Enter begins a new line; pasted lines stay one message.",
        ):
            self._screen.line(line, "dim")
        self._screen.line()

    def clear(self) -> None:
        """Begins a new chat."""
        self._conversation.clear()
        self._screen.line("A new chat.", "dim")
        self._screen.line()

    def leave(self) -> None:
        """Ends the session after this line."""
        self._left = True


@dataclass(frozen=True)
class Command:
    """What the user may type instead of a message."""

    sentence: str
    act: Callable[[Terminal], None]


COMMANDS = {
    "help": Command("lists these", Terminal.help),
    "clear": Command("begins a new chat; the system prompt stays", Terminal.clear),
    "exit": Command("leaves; Ctrl-D does too", Terminal.leave),
}
"""Every command, by its name."""

_BARE_TOO = {name: name for name in COMMANDS} | {"quit": "exit"}
_COMMAND = re.compile(r"[/!]\s*([A-Za-z][\w-]*)(\s.*)?", re.DOTALL)


def command_of(text: str) -> str | None:
    """The command that a stripped line is, or None for a message. A name alone, or after `/` or `!`, is a command;
    `/usr/bin` and `help me` are messages. Raises UnknownName for `/name` where there is no such command."""
    bare = _BARE_TOO.get(text.casefold())
    if bare is not None:
        return bare
    marked = _COMMAND.fullmatch(text)
    if marked is None:
        return None
    name = marked[1].casefold()
    if name not in _BARE_TOO:
        advice = "Put a space before the line to send it as a message."
        raise unknown("command", text.split()[0], COMMANDS, advice=advice)
    if marked[2] and marked[2].strip():
        raise UsageError(f"{name} takes nothing after it. Put a space before the line to send it as a message.")
    return _BARE_TOO[name]


def cut_sentence(reply: Reply, conversation: Conversation, *, ends: str) -> str | None:
    """What to say of an answer that a limit cut, with `ends` after it where the context is full; None: it is whole."""
    if reply.finish_reason == "time":
        return "The answer was cut: max_time has passed."
    if reply.finish_reason != "length":
        return None
    cost, context, limit = reply.cost, conversation.context, conversation.limit
    full = cost is None or cost.prompt_tokens + cost.new_tokens >= context
    if limit is not None and not full:
        return f"The answer was cut at {limit}."
    return f"The answer was cut: the context of {context} tokens is full.{ends}"


def cost_line(cost: Cost, context: int) -> str:
    """The line under an answer: tokens, speed, time to the first token, and how full the context is."""
    count = f"{cost.new_tokens} token{'' if cost.new_tokens == 1 else 's'}"
    speed = cost.tokens_per_second
    parts = [count]
    if speed is not None:
        parts.append(f"{speed:.1f} tokens/s" if speed < 100 else f"{speed:.0f} tokens/s")
    parts.append(f"first token after {cost.first_token_seconds:.2f} s")
    parts.append(f"context {cost.prompt_tokens + cost.new_tokens} of {context}")
    return " · ".join(parts)
