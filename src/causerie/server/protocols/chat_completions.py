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

from causerie.api.generation.config import FLAGS
from causerie.chat.context import POLICIES
from causerie.server.http.failure_responses import FieldNames, Refusal
from causerie.server.processes.jobs import Begun, Call, Chat, Ended, Generate, Piece, Reading, TokenPiece
from causerie.server.protocols.chat_limits import check_chat
from causerie.server.protocols.sampling_fields import (
    SamplingFields,
    check_streamed,
    config_flags,
    context_of,
    ending,
    in_range,
    prompt_odds,
    token_odds,
    usage,
)
from causerie.server.protocols.service_fields import SYSTEM_FINGERPRINT, among
from causerie.server.protocols.system_messages import with_system_role
from causerie.server.protocols.template_variables import template_variables
from causerie.server.protocols.tool_fields import allowed, tool_use
from causerie.text.response_format import form_of


class ChatCompletionRequest(SamplingFields, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of a request."""

    messages: list[dict[str, Any]]
    max_completion_tokens: int | None = None  # the newer name of max_tokens, and stronger
    logprobs: bool = False
    top_logprobs: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    modalities: list[str] | None = None
    thinking_budget: int | None = None  # tokens of reasoning
    chat_template_kwargs: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    continue_final_message: bool = False
    context_policy: str = "error"
    return_progress: bool = False  # a stream tells how much of the prompt is read; a name of llama.cpp's
    return_timings: bool = False  # the end of each choice says where its time went
    generation_config: str | dict[str, Any] | None = None  # further generate flags, weaker than the fields
    audio: None = None
    prediction: None = None
    web_search_options: None = None
    moderation: None = None
    functions: None = None  # what tools were once called
    function_call: None = None

    def orders(self) -> list[Callable[[int], Generate]]:
        """What the engine is asked: one order. Raises Refusal, naming the field."""
        self._check()
        offered, choice = allowed(self.tools, self.tool_choice)
        use = tool_use(offered, choice, self.parallel_tool_calls is not False)
        tools = offered if use is not None else None
        messages = [with_system_role(message) for message in self.messages]
        prompt = Chat(messages, tools, self._variables(), self.continue_final_message)
        flags = {**config_flags(self.generation_config), **self.flags()}
        if self.max_completion_tokens is not None:
            flags["max_new_tokens"] = self.max_completion_tokens
        if self.thinking_budget is not None:
            flags["thinking_budget"] = self.thinking_budget
        if self.response_format is not None:
            flags["response_format"] = self.response_format
        logprobs = (self.top_logprobs or 0) if self.logprobs else None

        def order(job: int) -> Generate:
            return Generate(
                job,
                self.model,
                prompt,
                flags,
                self.n,
                logprobs,
                parsed=True,
                tools=use,
                context_policy=self.context_policy,
                return_progress=self.return_progress,
                return_timings=self.return_timings,
                stop_tokens=self.stop_token_ids or [],
                prompt_logprobs=self.prompt_logprobs,
            )

        return [order]

    def _variables(self) -> dict[str, Any]:
        """What the chat template is told beside the messages."""
        return template_variables(self.reasoning_effort, self.verbosity) | self.chat_template_kwargs

    def _check(self) -> None:
        self.check()
        in_range("max_tokens", self.max_tokens, 1, 1 << 31)
        in_range("thinking_budget", self.thinking_budget, 0, 1 << 31)
        in_range("top_logprobs", self.top_logprobs, 0, 20)
        in_range("max_completion_tokens", self.max_completion_tokens, 1, 1 << 31)
        if self.top_logprobs is not None and not self.logprobs:
            raise Refusal(400, "top_logprobs needs logprobs: true.", param="top_logprobs")
        check_streamed("return_progress", self.return_progress, self.stream)
        among("context_policy", self.context_policy, POLICIES)
        for modality in self.modalities or []:
            among("modalities", modality, ("text",))
        check_chat(self.messages, "messages")
        if self.response_format is not None:
            form_of(self.response_format)


FIELD_NAMES: FieldNames = {
    **{flag: "generation_config" for flag in FLAGS if flag not in ChatCompletionRequest.__struct_fields__},
    "prompt": "messages",
    "stop_strings": "stop",
    "max_new_tokens": "max_tokens",
}


class ChatCompletion:
    """One answer while its events come: chunks for a stream, or else the whole at the end."""

    def __init__(self, request: ChatCompletionRequest, clock: Callable[[], float] = time.time) -> None:
        self._request = request
        self._context: dict[str, Any] = {}
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(clock()),
            "model": request.model,
            "system_fingerprint": SYSTEM_FINGERPRINT,
        }
        self._texts: list[list[str]] = [[] for _ in range(request.n)]
        self._reasoning: list[list[str]] = [[] for _ in range(request.n)]
        self._calls: list[list[dict[str, Any]]] = [[] for _ in range(request.n)]
        self._logprobs: list[list[dict[str, Any]]] = [[] for _ in range(request.n)]
        self._ended: dict[int, Ended] = {}
        self._prompt_tokens = 0
        self._new_tokens = [0] * request.n

    @property
    def over(self) -> bool:
        """Whether all choices have ended."""
        return len(self._ended) == self._request.n

    def read(self, _: int, event: Begun | Reading | Piece | Ended) -> list[dict[str, Any]]:
        """Takes an event of the only order; returns the chunks that a stream sends for it."""
        chunks = self._read(event)
        return self._request.with_counts(chunks, self._prompt_tokens, sum(self._new_tokens))

    def _read(self, event: Begun | Reading | Piece | Ended) -> list[dict[str, Any]]:
        if isinstance(event, Begun):
            self._prompt_tokens = event.prompt_tokens
            self._context = context_of(event)
            if event.prompt:
                self._context |= prompt_odds(event.prompt)
            if event.dropped:
                self._context["context"]["dropped_messages"] = event.dropped  # their places in the request
            first: dict[str, Any] = {"role": "assistant", "content": ""}
            return [{**self._chunk(choice, first), **self._context} for choice in range(self._request.n)]
        if isinstance(event, Reading):
            return self._read_reading(event)
        self._new_tokens[event.choice] = event.new_tokens
        if isinstance(event, Piece):
            return self._read_piece(event)
        self._ended[event.choice] = event
        chunks = [self._chunk(event.choice, {}, ended=event)]
        if self.over and self._request.usage_wanted:
            chunks.append({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self.usage()})
        return chunks

    def _read_reading(self, reading: Reading) -> list[dict[str, Any]]:
        """As llama.cpp's server tells it."""
        amounts = {"total": reading.prompt_tokens, "cache": reading.cached_tokens, "processed": reading.read_tokens}
        return [{**self._chunk(0, {}), "prompt_progress": {**amounts, "time_ms": round(1000 * reading.seconds)}}]

    def _read_piece(self, piece: Piece) -> list[dict[str, Any]]:
        logprobs = [_logprob(token) for token in piece.tokens]
        begun = len(self._calls[piece.choice])
        calls = [_called(begun + place, call) for place, call in enumerate(piece.calls)]
        self._calls[piece.choice] += calls
        if not self._request.stream:  # of a stream nothing is asked again, and log-probabilities are megabytes
            self._texts[piece.choice].append(piece.text)
            self._reasoning[piece.choice].append(piece.reasoning)
            self._logprobs[piece.choice] += logprobs
        deltas: list[dict[str, Any]] = []
        if piece.reasoning:
            deltas.append({"reasoning_content": piece.reasoning})
        if piece.text or (logprobs and not piece.reasoning and not calls):
            deltas.append({"content": piece.text})
        deltas += [{"tool_calls": [call]} for call in calls]
        last = len(deltas) - 1
        return [
            self._chunk(piece.choice, delta, logprobs=(logprobs or None) if place == last else None)
            for place, delta in enumerate(deltas)
        ]

    def _ending(self, choice: int, ended: Ended | None) -> dict[str, str | int | None]:
        """Why a choice ended."""
        reasons = ending(ended)
        called = self._calls[choice] and reasons["finish_reason"] == "stop"
        return {**reasons, "finish_reason": "tool_calls"} if called else reasons

    def whole(self) -> dict[str, Any]:
        """The answer in one piece, once it is over."""
        answer = {"object": "chat.completion", "choices": self._choices(), "usage": self.usage()}
        return {**self._head, **answer, **self._context}

    def usage(self) -> dict[str, Any]:
        """How many tokens were read and written."""
        cached = max((ended.cached_tokens for ended in self._ended.values()), default=0)
        return usage(self._prompt_tokens, self._ended.values(), cached)

    def _choices(self) -> list[dict[str, Any]]:
        return [
            {
                "index": choice,
                "message": self._message(choice),
                "logprobs": {"content": self._logprobs[choice], "refusal": None} if self._request.logprobs else None,
                **self._ending(choice, self._ended[choice]),
                **_timings(self._ended[choice]),
            }
            for choice in range(self._request.n)
        ]

    def _message(self, choice: int) -> dict[str, Any]:
        text, reasoning = "".join(self._texts[choice]), "".join(self._reasoning[choice])
        calls = [{key: value for key, value in call.items() if key != "index"} for call in self._calls[choice]]
        message: dict[str, Any] = {"role": "assistant", "content": text if text or not calls else None, "refusal": None}
        if reasoning:
            message["reasoning_content"] = reasoning
        if calls:
            message["tool_calls"] = calls
        return message

    def _chunk(
        self,
        choice: int,
        delta: dict[str, Any],
        ended: Ended | None = None,
        logprobs: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        odds = None if logprobs is None else {"content": logprobs, "refusal": None}
        one = {"index": choice, "delta": delta, "logprobs": odds, **self._ending(choice, ended), **_timings(ended)}
        return {**self._head, "object": "chat.completion.chunk", "choices": [one]}


def _called(index: int, call: Call) -> dict[str, Any]:
    """A call as OpenAI's clients read it."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": index, "id": call.id or f"call_{secrets.token_hex(12)}", "type": "function", "function": function}


def _timings(ended: Ended | None) -> dict[str, Any]:
    """Where a choice's time went, where that was asked; the names that llama.cpp's server has are its own."""
    if ended is None or ended.timings is None:
        return {}
    timings = ended.timings
    seconds = {
        "loading_ms": timings.loading,
        "shortening_ms": timings.shortening,
        "template_ms": timings.preparation,
        "waiting_ms": timings.waiting,
        "prompt_ms": timings.reading,
        "reasoning_ms": timings.thinking,
        "predicted_ms": timings.thinking + timings.writing,
    }
    counts = {
        "cache_n": ended.cached_tokens,
        "prompt_n": timings.read_tokens,
        "reasoning_n": ended.reasoning_tokens,
        "predicted_n": ended.new_tokens,
    }
    told = {name: round(1000 * value, 3) for name, value in seconds.items()}
    return {"timings": {**counts, **told, "reasons": timings.reasons}}


def _logprob(piece: TokenPiece) -> dict[str, Any]:
    return {**token_odds(piece), "top_logprobs": [token_odds(token) for token in piece.top]}
