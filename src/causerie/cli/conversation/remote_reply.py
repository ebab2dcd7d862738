"""An answer as another server streams it, by OpenAI's protocol: its pieces, its calls of tools, and what it cost.

Knows no chat and no request.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.parts import ReasoningPart, ToolCallPart
from causerie.cli.conversation.call_pieces import CallPieces
from causerie.cli.conversation.conversation import ScoredText
from causerie.errors import EngineError

_MOST_LINE = 16 << 20

Keep = Callable[[str, str, list[ToolCallPart]], list[ToolCallPart]]
"""Puts an answer into the chat, by its text, its reasoning and its calls; returns the calls with ids."""


class RemoteReply:
    """See `conversation.Reply`. What it cost is what the server counts, and the clock here."""

    def __init__(self, response: HTTPResponse, keep: Keep, sent: float) -> None:
        self._response = response
        self._keep = keep
        self._sent = sent
        self._first: float | None = None
        self._said: list[str] = []
        self._reasoning: list[str] = []
        self._pieces_of_calls = CallPieces()
        self.calls: list[ToolCallPart] = []
        self._usage: dict[str, Any] = {}
        self.finish_reason: str | None = None
        self.cost: AnswerCost | None = None

    def __iter__(self) -> Iterator[str | ScoredText | ReasoningPart]:
        with self._response:
            for chunk in self._chunks():
                if isinstance(chunk.get("usage"), dict):
                    self._usage = chunk["usage"]
                for choice in chunk.get("choices") or []:
                    yield from self._pieces(choice)
        if self.finish_reason is None:
            raise EngineError("The server ended the answer before it was whole.")
        self.calls = self._pieces_of_calls.calls()
        self._end()

    def _pieces(self, choice: dict[str, Any]) -> Iterator[str | ScoredText | ReasoningPart]:
        delta = choice.get("delta") or {}
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        text = delta.get("content")
        if (reasoning or text) and self._first is None:
            self._first = time.monotonic() - self._sent
        self._pieces_of_calls.take(delta.get("tool_calls") or ())
        if reasoning:
            self._reasoning.append(str(reasoning))
            yield ReasoningPart(str(reasoning))
        if text:
            self._said.append(str(text))
            odds = [each["logprob"] for each in (choice.get("logprobs") or {}).get("content") or []]
            yield ScoredText(str(text), math.exp(odds[-1])) if odds else str(text)
        if choice.get("finish_reason"):
            repeated = choice.get("stop_reason") == "repetition_detected"
            cut = choice["finish_reason"] == "length"
            self.finish_reason = "length" if cut else "repetition" if repeated else "stop"

    def _chunks(self) -> Iterator[dict[str, Any]]:
        try:
            while line := self._response.readline(_MOST_LINE):
                data = line.strip().removeprefix(b"data:").strip()
                if line.startswith(b"data:") and data == b"[DONE]":
                    return
                if line.startswith(b"data:"):
                    chunk = json.loads(data)
                    if "error" in chunk:
                        raise EngineError(f"The server failed: {chunk['error'].get('message', chunk['error'])}")
                    yield chunk
        except (OSError, HTTPException, ValueError, AttributeError) as error:
            raise EngineError(f"The answer of the server broke off: {error}.") from None

    def stop(self) -> None:
        """See Reply; closing the connection is how the server learns of it."""
        self._response.close()
        self.finish_reason = "cancelled"
        if self._said:
            self._end()

    def _end(self) -> None:
        total = time.monotonic() - self._sent
        cached = (self._usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        details = self._usage.get("completion_tokens_details") or {}
        accepted = details.get("accepted_prediction_tokens") or 0
        drafted = accepted + (details.get("rejected_prediction_tokens") or 0)
        new = self._usage.get("completion_tokens", len(self._said))
        first = total if self._first is None else self._first
        read = self._usage.get("prompt_tokens", 0)
        self.cost = AnswerCost(read, cached, new, first, total, drafted_tokens=drafted, accepted_tokens=accepted)
        self.calls = self._keep("".join(self._said), "".join(self._reasoning), self.calls)
