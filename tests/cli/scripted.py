"""A conversation, a keyboard and their costs as written in a test: the terminal without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from causerie.cli.terminal import Cost

Event = str | BaseException
"""A piece of an answer or a line typed; an exception happens in its place."""


@dataclass
class ScriptedReply:
    events: list[Event]
    reason: str = "stop"
    spent: Cost | None = None
    keep: Callable[[str], None] = lambda text: None
    finish_reason: str | None = None
    said: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        for event in self.events:
            if isinstance(event, BaseException):
                raise event
            self.said.append(event)
            yield event
        self._end(self.reason)

    def stop(self) -> None:
        self._end("cancelled")

    def _end(self, reason: str) -> None:
        self.finish_reason = reason
        self.keep("".join(self.said))

    @property
    def cost(self) -> Cost | None:
        return self.spent


@dataclass
class ScriptedConversation:
    """Answers in turn with `replies`; `history` is what a chat would remember."""

    replies: list[ScriptedReply | BaseException]
    context: int = 100
    limit: str | None = None
    history: list[tuple[str, str]] = field(default_factory=list)

    def reply(self, text: str) -> ScriptedReply:
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        reply.keep = lambda answer: self.history.append((text, answer))
        return reply

    def clear(self) -> None:
        self.history.clear()


@dataclass
class ScriptedKeyboard:
    lines: list[Event]
    silences: int = 0

    @contextmanager
    def silent(self) -> Iterator[None]:
        self.silences += 1
        yield

    def read(self) -> str:
        if not self.lines:
            raise EOFError
        line = self.lines.pop(0)
        if isinstance(line, BaseException):
            raise line
        return line
