"""Chats that no longer fit, in the engine's process: shortened as the request wants, with a summary by the same model.

Joins `chat/context.py`, which decides, with the processes that count tokens and write. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from causerie.chat.context import Count, Shortened, shortening
from causerie.errors import CauserieError
from causerie.server.processes.failures import error_of
from causerie.server.processes.jobs import Chat, Failed, Generate, JobEvent, Piece

SUMMARY_TOKENS = 200
_SHARE = 8  # of the context, 1 / this is left for an answer, or less where max_tokens says so
_COARSE = 4  # 1 / this of the context goes at once, so that the next rounds begin alike


async def shortened(
    order: Generate,
    prompt: Chat,
    context: int,
    count: Callable[[Chat], Awaitable[int]],
    write: Callable[[Generate], Awaitable[str]],
) -> Shortened:
    """The messages of an order's prompt, short enough for a context of so many tokens and an answer. `write` gives the
    text of another order's answer. Raises ContextLengthError, and what counting and writing raise."""
    room = context - min(max(1, context // _SHARE), order.flags.get("max_new_tokens") or context)
    steps = shortening(prompt.messages, order.context_policy, room, max(1, context // _COARSE))
    answer: int | str | None = None
    while True:
        try:
            asked = steps.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if isinstance(asked, Count):
            answer = await count(with_messages(prompt, asked.messages))
        else:
            answer = await write(_summary(order, prompt, asked.messages, min(SUMMARY_TOKENS, max(1, context - room))))


def with_messages(prompt: Chat, messages: list[dict[str, Any]]) -> Chat:
    """The same prompt with other messages."""
    return msgspec.structs.replace(prompt, messages=messages)


def _summary(order: Generate, prompt: Chat, messages: list[dict[str, Any]], most: int) -> Generate:
    """The order that has a chat summarized."""
    asked = Chat(messages, None, {**prompt.variables, "enable_thinking": False})
    return Generate(order.job, order.model, asked, {"max_new_tokens": most, "do_sample": False}, parsed=True)


class Written:
    """Collects the text of an answer from what an `Answering` tells."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._fault: CauserieError | None = None

    def tell(self, event: JobEvent) -> None:
        """Takes an event of that answer."""
        if isinstance(event, Piece):
            self._texts.append(event.text)
        elif isinstance(event, Failed):
            self._fault = error_of(event.kind, event.message, event.field)

    def text(self) -> str:
        """What was said. Raises what the answer failed with."""
        if self._fault is not None:
            raise self._fault
        return "".join(self._texts)
