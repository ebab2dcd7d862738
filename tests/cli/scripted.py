"""A conversation, a keyboard and their costs as written in a test: the terminal without a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.api.measurement.evidence import Evidence
from causerie.chat.parts import ReasoningPart, ToolCallPart
from causerie.cli.conversation.conversation import ScoredText, TokenRow
from causerie.cli.options.flags import parse_flags
from causerie.errors import ModelNotFound, UsageError

Event = str | ScoredText | ReasoningPart | BaseException
"""A piece of an answer or a line typed; an exception happens in its place."""


@dataclass
class ScriptedReply:
    events: list[Event]
    reason: str = "stop"
    spent: AnswerCost | None = None
    keep: Callable[[str], None] = lambda text: None
    finish_reason: str | None = None
    said: list[str] = field(default_factory=list)
    asked: list[ToolCallPart] = field(default_factory=list)  # calls of tools
    calls: list[ToolCallPart] = field(default_factory=list)

    def __iter__(self) -> Iterator[str | ScoredText | ReasoningPart]:
        for event in self.events:
            if isinstance(event, BaseException):
                raise event
            self.said.append(event if isinstance(event, str) else "")
            yield event
        self.calls = self.asked
        self._end(self.reason)

    def stop(self) -> None:
        self._end("cancelled")

    def _end(self, reason: str) -> None:
        self.finish_reason = reason
        self.keep("".join(self.said))

    @property
    def cost(self) -> AnswerCost | None:
        return self.spent


@dataclass
class ScriptedConversation:
    """Answers in turn with `replies`; `history` is what a chat would remember."""

    replies: list[ScriptedReply | BaseException]
    context: int | None = 100
    limit: str | None = None
    history: list[tuple[str, str]] = field(default_factory=list)
    system_prompt: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    model_name: str = "scripted"
    server: str | None = None
    description: str = "scripted · in a test"
    promise: str | None = None
    memory: list[tuple[str, str]] = field(default_factory=list)
    expected: float | None = None  # tokens per second, of every answer
    learnt: list[AnswerCost] = field(default_factory=list)
    proof: Evidence | None = None  # of every answer
    thinks: bool | None = None
    shows_probabilities: bool = False
    others: dict[str, ScriptedConversation] = field(default_factory=dict)  # by the names of their models
    closed: bool = False
    budget: int | None = None
    toolless: bool = False
    offered: list[str] = field(default_factory=list)  # names of tools
    results: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def expectation(self) -> list[tuple[str, str]]:
        return [("expected", f"{self.expected} tokens/s")] if self.expected is not None else []

    def evidence(self) -> Evidence | None:
        return self.proof

    def learn_from(self, cost: AnswerCost) -> None:
        self.learnt.append(cost)

    def reply(self, text: str) -> ScriptedReply:
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        reply.keep = lambda answer: self.history.append((text, answer))
        return reply

    def retry(self, words: Sequence[str] = ()) -> ScriptedReply:
        self.settings.update({"retried with": list(words)} if words else {})
        return self.reply(self.history.pop()[0])

    def offer(self, tools: Sequence[Mapping[str, Any]]) -> None:
        self.offered = [] if self.toolless else [tool["function"]["name"] for tool in tools]
        if tools and self.toolless:
            raise UsageError("This model's chat template knows no tools.")

    def take_results(self, results: Sequence[Mapping[str, Any]]) -> None:
        self.results += results

    def proceed(self) -> ScriptedReply:
        text, begun = self.history.pop()
        reply = self.reply(text)
        reply.keep = lambda answer: self.history.append((text, begun + answer))
        return reply

    @property
    def messages(self) -> list[dict[str, Any]]:
        chat = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        for asked, said in self.history:
            chat += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        return chat

    def set(self, words: Sequence[str]) -> None:
        self.settings.update(parse_flags(words))
        if "bad_words" in self.settings:
            self.settings["bad_words"] = json.loads(self.settings["bad_words"])

    def unset(self, name: str) -> None:
        del self.settings[name]

    def think(self, on: bool, budget: int | None = None) -> None:
        self.thinks, self.budget = on, budget

    def switch(self, name: str) -> None:
        if name == "missing":
            raise ModelNotFound("There is no model 'missing'.")
        self.description = f"{name} · in a test"

    def beside(self, name: str) -> ScriptedConversation:
        if name not in self.others:
            raise ModelNotFound(f"There is no model {name!r}.")
        other = self.others[name]
        other.history = list(self.history)
        return other

    def prompt_text(self) -> str:
        return "<user>Hello\n<model>"

    def template(self) -> str:
        return "{{ messages }}\n{{ more }}"

    def parameters(self) -> list[tuple[str, Any, str]]:
        return [("temperature", 0.7, "the model's own")]

    def close(self) -> None:
        self.closed = True

    def tokens(self) -> list[TokenRow]:
        return [TokenRow("Hel", 0.5, "Hel", 0.5), TokenRow("lo", 0.25, "p", 0.75)]

    def shorten(self, text: str, policy: str) -> int:
        self.settings["shortened by"] = policy
        gone, self.history = len(self.history), []
        return gone

    def clear(self) -> None:
        self.history.clear()

    def undo(self) -> bool:
        return bool(self.history and self.history.pop())

    def amend(self, text: str) -> None:
        self.history[-1] = (self.history[-1][0], text)

    def replace(self, messages: Sequence[Mapping[str, Any]]) -> None:
        chat = [message for message in messages if message["role"] != "system"]
        self.history = [(one["content"], two["content"]) for one, two in zip(chat[::2], chat[1::2], strict=True)]


@dataclass
class ScriptedKeyboard:
    lines: list[Event]
    silences: int = 0
    edits: list[str] = field(default_factory=list)  # what comes of the texts that are edited

    @contextmanager
    def silent(self) -> Iterator[None]:
        self.silences += 1
        yield

    def edit(self, text: str) -> str:
        return f"{text}{self.edits.pop(0)}"

    def read(self) -> str:
        if not self.lines:
            raise EOFError
        line = self.lines.pop(0)
        if isinstance(line, BaseException):
            raise line
        return str(line)
