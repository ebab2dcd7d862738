"""What a command is, and the session that it is typed in. Knows no command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.chat_files import ChatFolder, SavedChat
from causerie.cli.chat.chat_tools import ChatTools
from causerie.cli.chat.keyboard import Keyboard
from causerie.cli.conversation.conversation import Conversation, Reply
from causerie.cli.screen.reasoning import Reasoning
from causerie.cli.screen.screen import Screen


class HelpSource(Protocol):
    """Who answers questions about this program."""

    def reply(self, question: str) -> Reply:
        """The answer, as it comes. Raises CauserieError."""
        ...


class Session(Protocol):
    """The chat that a command was typed in, as far as commands have to do with it."""

    conversation: Conversation
    keyboard: Keyboard
    screen: Screen
    chats: ChatFolder
    program_help: HelpSource
    tools: ChatTools
    name: str | None  # of the chat's file
    branches: dict[str, list[dict[str, Any]]]  # the messages of those that are not the one talked in
    branch: str
    reasoning: Reasoning
    context_policy: str  # for a chat that no longer fits

    @property
    def cost(self) -> AnswerCost | None:
        """What the last answer cost, as far as it is known."""
        ...

    @property
    def finish_reason(self) -> str | None:
        """Why the last answer ended; None where there is none."""
        ...

    def ask(self, *lines: str) -> str:
        """Asks the user, and returns the first letter of what they write, small."""
        ...

    def answer(self, ask: Callable[[], Reply]) -> None:
        """One turn: asks, and shows the answer."""
        ...

    def attach(self, path: Path, text: str) -> None:
        """Sends a text file with the next message."""
        ...

    def saved(self) -> SavedChat:
        """The chat as a file holds it."""
        ...

    def save(self, name: str = "") -> Path:
        """Saves the chat, under the name it has where none is given; returns where. Raises UsageError."""
        ...

    def load(self, name: str) -> None:
        """Goes on with a saved chat. Raises UnknownName, UsageError, MessageError."""
        ...

    def keep(self) -> None:
        """Saves the chat where chats are saved by themselves."""
        ...

    def forget_name(self) -> None:
        """What is saved next is another chat."""
        ...

    def leave(self) -> None:
        """Ends the session after this line."""
        ...


@dataclass(frozen=True)
class Command:
    """What the user may type instead of a message: `takes` says what follows the name, "" for nothing; `bare` that the
    name alone is enough, without / or !."""

    sentence: str
    act: Callable[[Session, str], None]
    takes: str = ""
    bare: bool = False
