"""Tools in a chat of the terminal: which the model is offered, which it may call, and what comes of a call.

Knows no screen and no model; who is asked, and how, is the caller's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol

from causerie.chat.parts import ToolCallPart
from causerie.cli.conversation.conversation import Conversation, Reply
from causerie.errors import UsageError, unknown
from causerie.tools.tool import MOST_ROUNDS, Tool, ToolResult

Rule = Literal["always", "never"]
NOT_ALLOWED = ToolResult("The user did not allow this call.", failed=True)
STOPPED = ToolResult("The user stopped this.", failed=True)
TOO_MANY = ToolResult("Not called: there were too many calls in a row.", failed=True)

Ask = Callable[[], Reply]
Make = Callable[[Sequence[ToolCallPart], ToolResult | None], bool]
"""Puts what came of an answer's calls into the chat, or instead of that, where there is one, the same result to all of
them; says whether the model shall go on."""


class ToolSource(Protocol):
    """Who has tools; the real one is tools/toolbox.py."""

    @property
    def tools(self) -> Mapping[str, Tool]:
        """All of them, by name."""
        ...

    def call(self, name: str, arguments: dict[str, Any]) -> Future[ToolResult]:
        """What comes of a call; cancelling the future ends it."""
        ...


class ChatTools:
    """The tools of one session. `allowed` are names, or patterns such as `kitchen.*`, that nobody is asked about."""

    def __init__(self, source: ToolSource | None = None, allowed: Collection[str] = ()) -> None:
        """Raises UnknownName for one that is allowed and is not there."""
        self._source = source
        self._off: set[str] = set()
        self._rules: dict[str, Rule] = {}
        names = list(self.tools)
        for pattern in allowed:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise unknown("tool", pattern, names, advice="--allow-tool takes a name, or a pattern: 'kitchen.*'.")
        self._allowed = frozenset(name for name in names if any(fnmatchcase(name, each) for each in allowed))

    @property
    def tools(self) -> Mapping[str, Tool]:
        """All that there are."""
        return {} if self._source is None else self._source.tools

    @property
    def allowed(self) -> frozenset[str]:
        """Those that nobody is asked about from the start."""
        return self._allowed

    @property
    def on(self) -> list[Tool]:
        """Those that the model is offered."""
        return [tool for name, tool in self.tools.items() if name not in self._off]

    def switch(self, name: str, on: bool) -> None:
        """Offers a tool, or no longer. Raises UnknownName."""
        self._check(name)
        (self._off.discard if on else self._off.add)(name)

    def rule(self, name: str) -> Rule | None:
        """Whether a tool may be called without asking, or never; None: the user is asked."""
        return self._rules.get(name, "always" if name in self._allowed else None)

    def decide(self, name: str, rule: Rule | None) -> None:
        """Remembers for this chat what the user said; None asks again. Raises UnknownName."""
        self._check(name)
        self._rules.pop(name, None)
        if rule is None:
            self._allowed -= {name}
        else:
            self._rules[name] = rule

    def forget(self) -> None:
        """A new chat: the user is asked again."""
        self._rules.clear()

    def offer(self, conversation: Conversation) -> None:
        """Tells the model of the tools that are on. Raises UsageError for one that knows none."""
        conversation.offer([tool.schema for tool in self.on])

    def begin(self, call: ToolCallPart) -> Future[ToolResult]:
        """Makes a call that is allowed; what is wrong with it is its result."""
        future: Future[ToolResult] = Future()
        try:
            arguments = json.loads(call.arguments or "{}")
            if self._source is None or not isinstance(arguments, dict):
                raise ValueError
            if call.name not in {tool.name for tool in self.on}:
                raise unknown("tool", call.name, [tool.name for tool in self.on])
            return self._source.call(call.name, arguments)
        except UsageError as error:
            future.set_result(ToolResult(str(error), failed=True))
        except ValueError:
            future.set_result(ToolResult("The arguments are no JSON object.", failed=True))
        return future

    def _check(self, name: str) -> None:
        if name not in self.tools:
            raise unknown("tool", name, self.tools)


def last_answer(conversation: Conversation, ask: Ask, answer: Callable[[Ask], Reply], make: Make) -> Reply:
    """The last answer of a turn, after those that call tools: `answer` takes each to its end."""
    reply = answer(ask)
    for _ in range(MOST_ROUNDS):
        if not reply.calls or not make(reply.calls, None):
            return reply
        reply = answer(conversation.proceed)
    if reply.calls:
        make(reply.calls, TOO_MANY)
    return reply


def call_text(call: ToolCallPart) -> str:
    """A call in a line, as programmers write it."""
    try:
        arguments = json.loads(call.arguments or "{}")
        pairs = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items()]
    except (ValueError, AttributeError):
        pairs = [call.arguments]
    return f"{call.name}({', '.join(pairs)})"


def result_line(call: ToolCallPart, result: ToolResult, most: int = 200) -> str:
    """What came of a call, in a line."""
    text = " ".join(result.text.split())
    shown = text if len(text) <= most else text[:most] + "…"
    verb = "failed" if result.failed else "answered"
    return f"{call.name} {verb} after {result.seconds:.1f} s: {shown}"
