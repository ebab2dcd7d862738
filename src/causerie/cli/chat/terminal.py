"""The chat in a terminal: reads a line, does a command or shows an answer as it streams, until the user leaves.

Knows a conversation, a keyboard and a screen by their protocols, so that all of it is tested without a model; knows no
tokens and no tensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.chat_files import ChatFolder, SavedChat
from causerie.chat.messages import with_files
from causerie.chat.parts import ReasoningPart, ToolCallPart
from causerie.cli.chat.answer_end import cost_line, cut_sentence
from causerie.cli.chat.asked_calls import make_calls
from causerie.cli.chat.chat_tools import ChatTools, last_answer
from causerie.cli.chat.commands.command import HelpSource
from causerie.cli.chat.commands.table import COMMANDS, command_of
from causerie.cli.chat.commands.tools import offer_again
from causerie.cli.chat.keyboard import Keyboard, LineDropped
from causerie.cli.conversation.conversation import Conversation, Reply, ScoredText
from causerie.cli.screen.reasoning import Reasoning
from causerie.cli.screen.screen import Screen
from causerie.errors import CauserieError, ContextLengthError, UsageError
from causerie.tools.tool import ToolResult

PATIENCE = 0.5
"""Seconds before the screen says that it waits for the first words of an answer."""
_QUOTES = '"""'
_NOTHING_SAID = "Stopped before the answer began; the chat is as it was."


class Terminal:
    """`run` holds the whole session. `header` are its first lines; chats are saved in `chats`, by themselves after each
    answer where `autosave`. To commands it is the `Session` they were typed in."""

    def __init__(
        self,
        conversation: Conversation,
        keyboard: Keyboard,
        screen: Screen,
        header: tuple[str, ...],
        chats: ChatFolder,
        program_help: HelpSource,
        *,
        autosave: bool = False,
        tools: ChatTools | None = None,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.conversation = conversation
        self.keyboard = keyboard
        self.screen = screen
        self.chats = chats
        self.program_help = program_help
        self.tools = tools or ChatTools()
        self.name: str | None = None  # of the chat's file
        self._reply: Reply | None = None  # the last one
        self.branches: dict[str, list[dict[str, Any]]] = {}
        self.branch = "first"
        self.reasoning = Reasoning(screen)
        self.context_policy = "ask"  # for a chat that no longer fits
        self._header = header
        self._autosave = autosave
        self._clock = clock
        self._files: list[tuple[str, str]] = []
        self._left = False

    def run(self) -> None:
        """Returns when the user leaves: `exit`, end of input, or Ctrl-C twice."""
        for number, line in enumerate(self._header):
            self.screen.line(line, "dim" if number else "bold")
        offer_again(self)
        self.screen.line()
        interrupted = False
        while not self._left:
            try:
                line = self.keyboard.read()
            except EOFError:
                return
            except KeyboardInterrupt as interrupt:
                if interrupted and not isinstance(interrupt, LineDropped):
                    return
                interrupted = True
                draft = isinstance(interrupt, LineDropped) and interrupt.in_history
                brings = " The arrow key up brings your line back." if draft else ""
                self.screen.line(f"Ctrl-C again, Ctrl-D or exit leaves.{brings}", "dim")
                continue
            interrupted = False
            self._take(line)

    def _take(self, line: str) -> None:
        """Does what one line asks: nothing, a command, or a message. A line that begins with a space is a message."""
        text = line.strip()
        if not text:
            return
        if text.startswith(_QUOTES):
            self._take_quoted(text)
            return
        try:
            command = None if line[0].isspace() else command_of(text)
        except CauserieError as error:
            self.screen.line(str(error), "error")
            return
        if command is not None:
            self._do(*command)
        else:
            self._ask(with_files(text, self._files))

    def _take_quoted(self, first: str) -> None:
        """A message between triple quotes, on as many lines as it has."""
        lines = [first.removeprefix(_QUOTES)]
        try:
            while not lines[-1].rstrip().endswith(_QUOTES):
                lines.append(self.keyboard.read())
        except (KeyboardInterrupt, EOFError):
            self.screen.line(f"Nothing was asked: the message did not end in {_QUOTES}.", "dim")
            return
        if text := "\n".join(lines).rstrip().removesuffix(_QUOTES).strip("\n"):
            self._ask(with_files(text, self._files))

    def _do(self, name: str, rest: str) -> None:
        """One command; what goes wrong in it is said, and the chat goes on."""
        try:
            COMMANDS[name].act(self, rest)
        except CauserieError as error:
            self.screen.line(str(error), "error")
        except (KeyboardInterrupt, EOFError):
            self.screen.line("Nothing was changed.", "dim")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not take the user's chat with it
            self.screen.line(f"A fault in Causerie: {type(error).__name__}: {error}", "error")

    def _ask(self, text: str) -> None:
        """One message. Where the chat no longer fits, it is made shorter as the user wants, and asked again."""

        def ask() -> Reply:
            try:
                return self.conversation.reply(text)
            except CauserieError as error:
                if not _too_long(error) or not self.conversation.messages:
                    raise
                policy = self._policy()
                if policy == "error":
                    raise
            rounds = self.conversation.shorten(text, policy)
            what = "forgotten" if policy == "drop_oldest" else "summarized"
            first = f"Your {rounds} oldest messages were" if rounds > 1 else "Your oldest message was"
            self.screen.line(f"{first} {what}, so that the chat fits.", "notice")
            return self.conversation.reply(text)

        self.answer(ask)

    def _policy(self) -> str:
        """What to do with a chat that is too long: as /context says, or as the user answers."""
        if self.context_policy != "ask":
            return self.context_policy
        letter = self.ask(
            "The chat no longer fits the model's context. What shall be done with its oldest messages?",
            "d: forget them   s: have the model summarize them   anything else: nothing",
        )
        return {"d": "drop_oldest", "s": "summarize"}.get(letter, "error")

    def ask(self, *lines: str) -> str:
        """Asks the user, and returns the first letter of what they write, small; "" where they write nothing."""
        for line in lines:
            self.screen.line(line, "notice")
        try:
            return self.keyboard.read().strip().casefold()[:1]
        except (EOFError, KeyboardInterrupt):
            return ""

    def answer(self, ask: Callable[[], Reply]) -> None:
        """One turn, with the calls of tools that belong to it. Whatever goes wrong in it is said, and the chat goes
        on."""
        before, called = self.conversation.messages, False

        def make(calls: Sequence[ToolCallPart], instead: ToolResult | None) -> bool:
            nonlocal called
            called = True
            return make_calls(self, calls, instead)

        try:
            last_answer(self.conversation, ask, self._answer, make)
            self.keep()
        except KeyboardInterrupt:  # while the prompt was being made
            self.screen.line(_NOTHING_SAID, "dim")
        except CauserieError as error:
            self._fall_back(before if called else None, str(error))
            if _too_long(error) and self.conversation.messages:
                self.screen.line("`clear` begins a new chat.", "dim")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not take the user's chat with it
            self._fall_back(before if called else None, f"A fault in Causerie: {type(error).__name__}: {error}")
        self.screen.line()

    def _fall_back(self, before: list[dict[str, Any]] | None, fault: str) -> None:
        """Says what went wrong. Where tools were called since the question, the chat is made what it was before it; a
        first answer that fails leaves it so."""
        self.screen.line(fault, "error")
        if before is not None:
            self.conversation.replace(before)
        self.screen.line("The chat is as it was before this message.", "dim")

    def _answer(self, ask: Callable[[], Reply]) -> Reply:
        """One answer, shown."""
        with self.keyboard.silent():
            reply = ask()
            said = self._show(reply)
        self._files.clear()
        self._say_end(reply, said)
        return reply

    def _show(self, reply: Reply) -> bool:
        """Shows the pieces of an answer, and returns whether there were any; Ctrl-C ends it and keeps what has come."""
        said = False
        self.reasoning.begin()
        try:
            with self.screen.waiting(lambda: "…", after=PATIENCE) as arrived:
                for piece in reply:
                    arrived()
                    if isinstance(piece, ReasoningPart):
                        self.reasoning.piece(piece.text)
                    elif isinstance(piece, ScoredText):
                        self.reasoning.end()
                        self.screen.scored_piece(piece.text, piece.probability)
                    else:
                        self.reasoning.end()
                        self.screen.piece(piece)
                    said = True
        except KeyboardInterrupt:
            reply.stop()
        self.reasoning.end()
        self.screen.end_piece()
        return said

    def _say_end(self, reply: Reply, said: bool) -> None:
        self._reply = reply
        if (said or reply.calls) and (cost := reply.cost) is not None:
            self.screen.line(cost_line(cost, self.conversation.context), "dim")
            self.conversation.learn_from(cost)
        if reply.finish_reason == "stop" and not said and not reply.calls:
            self.screen.line("The model ended its answer without a word.", "dim")
        if reply.finish_reason == "cancelled":
            self.screen.line("Stopped; the chat keeps what was said." if said else _NOTHING_SAID, "dim")
        cut = cut_sentence(reply, self.conversation, commands=True)
        if cut is not None:
            self.screen.line(cut, "notice")

    @property
    def cost(self) -> AnswerCost | None:
        """What the last answer cost."""
        return None if self._reply is None else self._reply.cost

    @property
    def finish_reason(self) -> str | None:
        """Why the last answer ended."""
        return None if self._reply is None else self._reply.finish_reason

    def leave(self) -> None:
        """Ends the session after this line."""
        self._left = True

    # --- chats as files ---

    def attach(self, path: Path, text: str) -> None:
        """Sends a text file with the next message."""
        self._files.append((path.name, text))

    def saved(self) -> SavedChat:
        """The chat as a file holds it."""
        chat = self.conversation
        return SavedChat(chat.model_name, chat.messages, chat.settings, chat.server)

    def save(self, name: str = "") -> Path:
        """Saves the chat, under the name it has where none is given; returns where. Raises UsageError."""
        new = name or self.name or self._clock().strftime("%Y-%m-%d %H.%M.%S")
        if name and name != self.name and self.chats.path(name).exists():
            raise UsageError(f"There is a chat named {name!r} already; take another name.")
        path = self.chats.save(new, self.saved())
        self.name = path.stem
        return path

    def load(self, name: str) -> None:
        """Goes on with a saved chat, and shows how it ended. Raises UnknownName, UsageError, MessageError."""
        chat = self.chats.load(name)
        self.conversation.replace(chat.messages)
        self.tools.forget()
        self.name = self.chats.path(name).stem
        self.branches.clear()
        count = sum(message["role"] == "user" for message in chat.messages)
        self.screen.line(f"{self.name}: {count} message{'' if count == 1 else 's'} of yours. The last:", "dim")
        self._restore(chat, self.name)
        for message in chat.messages[-2:]:
            self.screen.line(("> " if message["role"] == "user" else "") + str(message["content"]), "dim")
        self.screen.line()

    def _restore(self, chat: SavedChat, name: str) -> None:
        """Sets the flags that the saved chat had, and says where it was held."""
        for flag, value in chat.settings.items():
            try:
                self.conversation.set([f"{flag}={json.dumps(value)}"])
            except CauserieError as error:
                self.screen.line(f"{flag} is not set as it was: {error}", "notice")
        if not chat.model or (chat.model, chat.server) == (self.conversation.model_name, self.conversation.server):
            return
        if chat.server == self.conversation.server:
            where, again = "", f"/model {chat.model}"
        else:
            where = f" at {chat.server}" if chat.server else " here"
            place = f"--url {chat.server} {chat.model}" if chat.server else chat.model
            again = f"`causerie chat {place} --resume {json.dumps(name)}`"
        self.screen.line(f"It was held with {chat.model}{where}; {again} takes that again.", "notice")

    def forget_name(self) -> None:
        """What is saved next is another chat."""
        self.name = None
        self.branches.clear()

    def keep(self) -> None:
        """Saves the chat where chats are saved by themselves."""
        if self._autosave and self.conversation.messages:
            try:
                self.save()
            except CauserieError as error:
                self._autosave = False
                self.screen.line(f"{error} Chats are not saved by themselves any more.", "notice")


def _too_long(error: CauserieError) -> bool:
    """Whether a chat was refused because it does not fit; another server says so in words of its own."""
    return isinstance(error, ContextLengthError) or ("context" in str(error) and isinstance(error, UsageError))
