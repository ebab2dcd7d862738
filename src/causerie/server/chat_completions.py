"""`/v1/chat/completions`: its request and its answers, JSON to orders and events to JSON. Pure: no HTTP, no model.

Fields follow OpenAI's reference; those beside it (top_k, min_p, …) are generate flags by their names. A field that is
not listed here is refused by name; one that is listed and cannot be honoured, by `order`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from causerie.server.failure_responses import Refusal
from causerie.server.orders import Begun, Chat, Ended, Generate, Piece, TokenPiece

MOST_CHOICES = 16
MOST_STOPS = 16
_REASONS = {"stop": "stop", "length": "length", "time": "length", "cancelled": "stop"}
_FLAGS = ("top_p", "top_k", "min_p", "typical_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "seed")


class StreamOptions(Struct, forbid_unknown_fields=True, frozen=True):
    """What a stream adds: with `include_usage` a last chunk with the counts."""

    include_usage: bool = False


class ChatCompletionRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """The body of a request. None leaves the choice to the model's generation_config.json."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int = 1
    logprobs: bool = False
    top_logprobs: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    continue_final_message: bool = False
    user: str | None = None  # who asks, by the caller's own name: changes nothing here

    def order(self, job: int) -> Generate:
        """What the engine is asked. Raises Refusal, naming the field."""
        self._check()
        variables: dict[str, Any] = dict(self.chat_template_kwargs)
        if self.reasoning_effort is not None:
            variables["reasoning_effort"] = self.reasoning_effort
        return Generate(
            job,
            self.model,
            Chat(self.messages, None, variables, self.continue_final_message),
            self.flags(),
            self.n,
            (self.top_logprobs or 0) if self.logprobs else None,
        )

    def flags(self) -> dict[str, Any]:
        """The generate flags that the request sets."""
        flags = {name: getattr(self, name) for name in _FLAGS if getattr(self, name) is not None}
        limit = self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens
        if limit is not None:
            flags["max_new_tokens"] = limit
        if self.temperature is not None:
            flags |= {"temperature": self.temperature} if self.temperature else {"do_sample": False}
        if flags.get("do_sample") is False:
            for name in ("top_p", "top_k", "min_p", "typical_p"):
                flags.pop(name, None)  # at temperature 0 the likeliest token is taken, whatever else could be drawn
        if self.stop:
            flags["stop_strings"] = self.stop
        if self.logit_bias:
            flags["logit_bias"] = {_token_id(token): bias for token, bias in self.logit_bias.items()}
        return flags

    def _check(self) -> None:
        for name, value, low, high in (
            ("n", self.n, 1, MOST_CHOICES),
            ("top_logprobs", self.top_logprobs, 0, 20),
            ("temperature", self.temperature, 0, 2),
            ("top_p", self.top_p, 0, 1),
            ("top_k", self.top_k, 0, 1 << 31),
            ("min_p", self.min_p, 0, 1),
            ("typical_p", self.typical_p, 0, 1),
            ("max_tokens", self.max_tokens, 1, 1 << 31),
            ("max_completion_tokens", self.max_completion_tokens, 1, 1 << 31),
        ):
            if value is not None and not low <= value <= high:
                raise Refusal(400, f"{name} is {value}; it must be from {low} to {high}.", param=name)
        if self.top_logprobs is not None and not self.logprobs:
            raise Refusal(400, "top_logprobs needs logprobs: true.", param="top_logprobs")
        if self.stream_options is not None and not self.stream:
            raise Refusal(400, "stream_options is for streams; set stream: true.", param="stream_options")
        if isinstance(self.stop, list) and len(self.stop) > MOST_STOPS:
            raise Refusal(400, f"stop has {len(self.stop)} strings; at most {MOST_STOPS}.", param="stop")
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


def _token_id(text: str) -> int:
    if not text.isdecimal():
        raise Refusal(
            400, f"logit_bias names the token {text[:40]!r}; token ids are whole numbers.", param="logit_bias"
        )
    return int(text)


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

    def read(self, event: Begun | Piece | Ended) -> list[dict[str, Any]]:
        """Takes an event; returns the chunks that a stream sends for it."""
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
        chunks = [self._chunk(event.choice, {}, reason=_REASONS.get(event.reason, "stop"))]
        if self.over and self._request.stream_options is not None and self._request.stream_options.include_usage:
            chunks.append({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self.usage()})
        return chunks

    def whole(self) -> dict[str, Any]:
        """The answer in one piece, once it is over."""
        return {**self._head, "object": "chat.completion", "choices": self._choices(), "usage": self.usage()}

    def usage(self) -> dict[str, Any]:
        """How many tokens were read and written."""
        new = sum(ended.new_tokens for ended in self._ended.values())
        cached = max((ended.cached_tokens for ended in self._ended.values()), default=0)
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": new,
            "total_tokens": self._prompt_tokens + new,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    def _choices(self) -> list[dict[str, Any]]:
        return [
            {
                "index": choice,
                "message": {"role": "assistant", "content": "".join(self._texts[choice]), "refusal": None},
                "logprobs": {"content": self._logprobs[choice], "refusal": None} if self._request.logprobs else None,
                "finish_reason": _REASONS.get(self._ended[choice].reason, "stop"),
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
