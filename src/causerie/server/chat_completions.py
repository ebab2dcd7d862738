"""`/v1/chat/completions`: its request and its answers, JSON to orders and events to JSON. Pure: no HTTP, no model.

Fields follow OpenAI's reference; those beside it (top_k, min_p, …) are generate flags by their names. A field that is
not listed here is refused by name; one that is listed and cannot be honoured, by `orders`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from msgspec import field

from causerie.server.failure_responses import Refusal
from causerie.server.orders import Begun, Chat, Ended, Generate, Piece, TokenPiece
from causerie.server.sampling_fields import SamplingFields, finish_reason, in_range, usage


class ChatCompletionRequest(SamplingFields, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of a request."""

    messages: list[dict[str, Any]]
    max_completion_tokens: int | None = None  # the newer name of max_tokens, and stronger
    logprobs: bool = False
    top_logprobs: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    continue_final_message: bool = False

    def orders(self) -> list[Callable[[int], Generate]]:
        """What the engine is asked: one order. Raises Refusal, naming the field."""
        self._check()
        variables: dict[str, Any] = dict(self.chat_template_kwargs)
        if self.reasoning_effort is not None:
            variables["reasoning_effort"] = self.reasoning_effort
        prompt = Chat(self.messages, None, variables, self.continue_final_message)
        flags = self.flags()
        if self.max_completion_tokens is not None:
            flags["max_new_tokens"] = self.max_completion_tokens
        logprobs = (self.top_logprobs or 0) if self.logprobs else None
        return [lambda job: Generate(job, self.model, prompt, flags, self.n, logprobs)]

    def _check(self) -> None:
        self.check()
        in_range("top_logprobs", self.top_logprobs, 0, 20)
        in_range("max_completion_tokens", self.max_completion_tokens, 1, 1 << 31)
        if self.top_logprobs is not None and not self.logprobs:
            raise Refusal(400, "top_logprobs needs logprobs: true.", param="top_logprobs")
        if not self.messages:
            raise Refusal(400, "messages is empty; there must be at least one.", param="messages")
        self._refuse_missing()

    def _refuse_missing(self) -> None:
        """What the reference has and this version does not do yet."""
        asked: dict[str, bool] = {
            "tools": bool(self.tools),
            "tool_choice": self.tool_choice not in (None, "none", "auto"),
            "parallel_tool_calls": self.parallel_tool_calls is not None and bool(self.tools),
            "response_format": self.response_format not in (None, {"type": "text"}),
        }
        for name, wanted in asked.items():
            if wanted:
                raise Refusal(400, f"{name} is not done by this version; leave it out.", param=name, code="unsupported")


class ChatCompletion:
    """One answer while its events come: chunks for a stream, and the whole at the end."""

    def __init__(self, request: ChatCompletionRequest, clock: Callable[[], float] = time.time) -> None:
        self._request = request
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(clock()),
            "model": request.model,
        }
        self._texts: list[list[str]] = [[] for _ in range(request.n)]
        self._logprobs: list[list[dict[str, Any]]] = [[] for _ in range(request.n)]
        self._ended: dict[int, Ended] = {}
        self._prompt_tokens = 0

    @property
    def over(self) -> bool:
        """Whether all choices have ended."""
        return len(self._ended) == self._request.n

    def read(self, _: int, event: Begun | Piece | Ended) -> list[dict[str, Any]]:
        """Takes an event of the only order; returns the chunks that a stream sends for it."""
        if isinstance(event, Begun):
            self._prompt_tokens = event.prompt_tokens
            first: dict[str, Any] = {"role": "assistant", "content": ""}
            return [self._chunk(choice, first) for choice in range(self._request.n)]
        if isinstance(event, Piece):
            told = [_told(token) for token in event.tokens]
            self._texts[event.choice].append(event.text)
            self._logprobs[event.choice] += told
            return [self._chunk(event.choice, {"content": event.text}, logprobs=told or None)]
        self._ended[event.choice] = event
        chunks = [self._chunk(event.choice, {}, reason=finish_reason(event))]
        if self.over and self._request.usage_wanted:
            chunks.append({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self.usage()})
        return chunks

    def whole(self) -> dict[str, Any]:
        """The answer in one piece, once it is over."""
        return {**self._head, "object": "chat.completion", "choices": self._choices(), "usage": self.usage()}

    def usage(self) -> dict[str, Any]:
        """How many tokens were read and written."""
        new = sum(ended.new_tokens for ended in self._ended.values())
        cached = max((ended.cached_tokens for ended in self._ended.values()), default=0)
        return usage(self._prompt_tokens, new, cached)

    def _choices(self) -> list[dict[str, Any]]:
        return [
            {
                "index": choice,
                "message": {"role": "assistant", "content": "".join(self._texts[choice]), "refusal": None},
                "logprobs": {"content": self._logprobs[choice], "refusal": None} if self._request.logprobs else None,
                "finish_reason": finish_reason(self._ended[choice]),
            }
            for choice in range(self._request.n)
        ]

    def _chunk(
        self,
        choice: int,
        delta: dict[str, Any],
        reason: str | None = None,
        logprobs: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        told = None if logprobs is None else {"content": logprobs, "refusal": None}
        one = {"index": choice, "delta": delta, "logprobs": told, "finish_reason": reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [one]}


def _told(piece: TokenPiece) -> dict[str, Any]:
    def one(token: TokenPiece) -> dict[str, Any]:
        return {"token": token.text, "logprob": token.logprob, "bytes": token.bytes}

    return {**one(piece), "top_logprobs": [one(token) for token in piece.top]}
