"""`/api/chat` and `/api/generate`, the protocol of Ollama's clients: requests and answers, JSON to orders and events
to JSON. Pure: no HTTP, no model.

A field that is not listed here is refused by name.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from causerie.server.http.failure_responses import FieldNames, Refusal
from causerie.server.processes.jobs import Begun, Call, Chat, Ended, Generate, Piece, Text, TokenPiece
from causerie.server.protocols.chat_limits import check_chat
from causerie.server.protocols.ollama_options import OllamaOptions
from causerie.server.protocols.ollama_time import lasting, moment, nanoseconds
from causerie.server.protocols.sampling_fields import context_of, in_range, token_odds
from causerie.server.protocols.service_fields import among
from causerie.server.protocols.tool_fields import tool_use
from causerie.text.response_format import form_of

EFFORTS = ("low", "medium", "high", "max")
ROLES = ("system", "user", "assistant", "tool")
FIELD_NAMES: FieldNames = {
    "prompt": "messages",
    "stop_strings": "options.stop",
    "max_new_tokens": "options.num_predict",
    "repetition_penalty": "options.repeat_penalty",
    "response_format": "format",
}
NO_IMAGES = "has images; the models here read text alone. Leave them out, or describe them in words."


class OllamaRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What both bodies have."""

    model: str = ""
    stream: bool = True
    options: OllamaOptions = OllamaOptions()
    format: str | dict[str, Any] | None = None
    keep_alive: str | float | None = None
    think: bool | str | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    truncate: bool = True  # the oldest messages of a chat that does not fit
    shift: None = None  # a context that is full ends the answer
    template: str | None = None

    @property
    def stay(self) -> float | None:
        """Seconds that the model is to stay without a request; None where nothing is said. Raises Refusal."""
        return lasting(self.keep_alive)

    def order(self, prompt: Chat | Text, tools: list[dict[str, Any]] | None = None) -> Callable[[int], Generate]:
        """What the engine is asked. Raises Refusal, naming the field."""
        in_range("top_logprobs", self.top_logprobs, 0, 20)
        flags = self.options.flags()
        if self.format:
            flags["response_format"] = self._form()
            form_of(flags["response_format"])
        use = tool_use(tools, None, parallel=True)
        logprobs = (self.top_logprobs or 0) if self.logprobs else None
        policy = "drop_oldest" if self.truncate and isinstance(prompt, Chat) else "error"

        def order(job: int) -> Generate:
            return Generate(
                job,
                self.model,
                prompt,
                flags,
                1,
                logprobs,
                parsed=isinstance(prompt, Chat),
                tools=use,
                context_policy=policy,
                return_timings=True,
            )

        return order

    def check(self) -> None:
        """Raises Refusal for what is not done, whether there is a prompt or not."""
        if self.template:
            sentence = "template is not done: a chat is written by its model's own template. Leave it out."
            raise Refusal(400, sentence, param="template", code="unsupported")
        lasting(self.keep_alive)

    def variables(self) -> dict[str, Any]:
        """What the chat template is told. Raises Refusal for a `think` that is none."""
        if self.think is None:
            return {}
        if isinstance(self.think, bool):
            return {"enable_thinking": self.think}
        among("think", self.think, EFFORTS)
        return {"enable_thinking": True, "reasoning_effort": self.think}

    def _form(self) -> dict[str, Any]:
        """The response format, as OpenAI's clients write it."""
        if isinstance(self.format, dict):
            return {"type": "json_schema", "json_schema": {"schema": self.format}}
        if self.format != "json":
            sentence = f'format is {str(self.format)[:40]!r}; it is "json" or a JSON schema.'
            raise Refusal(400, sentence, param="format")
        return {"type": "json_object"}


class OllamaChat(OllamaRequest, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /api/chat. One without messages loads the model."""

    messages: list[dict[str, Any]] = []
    tools: list[dict[str, Any]] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return not self.messages

    def orders(self) -> list[Callable[[int], Generate]]:
        """What the engine is asked: one order. Raises Refusal, naming the field."""
        self.check()
        check_chat(self.messages, "messages")
        tools = [{"type": "function", **tool} for tool in self.tools or []] or None
        return [self.order(Chat(_templates_messages(self.messages), tools, self.variables()), tools)]

    def shown(self, text: str, reasoning: str = "", calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """What an answer says, by this route's names."""
        message: dict[str, Any] = {"role": "assistant", "content": text}
        message |= {"thinking": reasoning} if reasoning else {}
        return {"message": message | ({"tool_calls": calls} if calls else {})}


class OllamaGenerate(OllamaRequest, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /api/generate. One without a prompt loads the model."""

    prompt: str = ""
    system: str | None = None
    raw: bool = False
    suffix: str | None = None
    images: list[Any] | None = None
    context: list[int] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return not self.prompt

    def orders(self, templated: bool = True) -> list[Callable[[int], Generate]]:
        """What the engine is asked: one order. A prompt is a message unless it is raw, or its model has no chat
        template. Raises Refusal, naming the field."""
        self.check()
        if self.raw or not templated:
            for name in ("system", "think"):
                if getattr(self, name):
                    sentence = f"{name} is told to a chat template, and this prompt is given to the model as it is."
                    raise Refusal(400, f"{sentence} Leave it out.", param=name, code="unsupported")
            return [self.order(Text(self.prompt))]
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [self.order(Chat([*system, {"role": "user", "content": self.prompt}], None, self.variables()))]

    def check(self) -> None:
        """Raises Refusal for what is not done."""
        OllamaRequest.check(self)
        if self.suffix:
            sentence = "suffix is for models that fill in, which is not done here; leave it out."
            raise Refusal(400, sentence, param="suffix", code="unsupported")
        if self.images:
            raise Refusal(400, f"The request {NO_IMAGES}", param="images", code="unsupported")
        if self.context:
            sentence = "context, the tokens of an earlier answer, is not done; send the whole chat to /api/chat."
            raise Refusal(400, sentence, param="context", code="unsupported")

    def shown(self, text: str, reasoning: str = "", calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """What an answer says, by this route's names."""
        del calls  # there are no tools
        return {"response": text} | ({"thinking": reasoning} if reasoning else {})


class OllamaAnswer:
    """One answer while its events come: lines of a stream, or else the whole at the end."""

    def __init__(
        self, request: OllamaChat | OllamaGenerate, context: Callable[[], int | None], loading: float = 0.0
    ) -> None:
        """`context` is asked at the end how many tokens the model's context has; `loading` are seconds that went
        before, until the model was there."""
        self._request = request
        self._context = context
        self._loading = loading
        self._began = time.monotonic()
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._logprobs: list[dict[str, Any]] = []
        self._begun: Begun | None = None
        self._ended: Ended | None = None

    @property
    def over(self) -> bool:
        """Whether all of it has come."""
        return self._ended is not None

    def read(self, _: int, event: Begun | Piece | Ended) -> list[dict[str, Any]]:
        """Takes an event of the only order; returns the lines that a stream sends for it."""
        if isinstance(event, Begun):
            self._begun = event
            return []
        if isinstance(event, Ended):
            self._ended = event
            return [_head(self._request) | self._request.shown("") | self._end(event)]
        calls = [_called(len(self._calls) + place, call) for place, call in enumerate(event.calls)]
        self._calls += calls
        logprobs = [_logprob(token) for token in event.tokens]
        if not self._request.stream:  # of a stream nothing is asked again
            self._texts.append(event.text)
            self._reasoning.append(event.reasoning)
            self._logprobs += logprobs
        if not (event.text or event.reasoning or calls or logprobs):
            return []
        line = _head(self._request) | self._request.shown(event.text, event.reasoning, calls) | {"done": False}
        return [line | ({"logprobs": logprobs} if logprobs else {})]

    def whole(self) -> dict[str, Any]:
        """The answer in one piece, once it is over."""
        assert self._ended is not None, "an answer that is over has an end"
        text, reasoning = "".join(self._texts), "".join(self._reasoning)
        answer = _head(self._request) | self._request.shown(text, reasoning, self._calls) | self._end(self._ended)
        return answer | ({"logprobs": self._logprobs} if self._logprobs else {})

    def _end(self, ended: Ended) -> dict[str, Any]:
        """Why it ended, what it cost, and what is otherwise than it was asked."""
        timings, begun = ended.timings, self._begun
        told = {} if begun is None else context_of(begun)
        notes = self._request.options.notes(self._context())
        return {
            "done": True,
            "done_reason": "length" if ended.reason in ("length", "time") else "stop",
            "total_duration": nanoseconds(self._loading + time.monotonic() - self._began),
            "load_duration": nanoseconds(self._loading + (0 if timings is None else timings.loading)),
            "prompt_eval_count": 0 if begun is None else begun.prompt_tokens,
            "prompt_eval_duration": nanoseconds(0 if timings is None else timings.reading),
            "eval_count": ended.new_tokens,
            "eval_duration": nanoseconds(0 if timings is None else timings.thinking + timings.writing),
            **told,
            **({"notes": notes} if notes else {}),
        }


def silent_answer(request: OllamaChat | OllamaGenerate, reason: str) -> dict[str, Any]:
    """The answer to a request that asks nothing: its model was loaded, or unloaded."""
    return {**_head(request), **request.shown(""), "done": True, "done_reason": reason}


def _head(request: OllamaChat | OllamaGenerate) -> dict[str, Any]:
    return {"model": request.model, "created_at": moment(datetime.now(UTC))}


def _called(index: int, call: Call) -> dict[str, Any]:
    """A call as Ollama's clients read it."""
    function = {"index": index, "name": call.name, "arguments": json.loads(call.arguments or "{}")}
    return {"id": call.id or f"call_{secrets.token_hex(8)}", "function": function}


def _logprob(piece: TokenPiece) -> dict[str, Any]:
    return token_odds(piece) | ({"top_logprobs": [token_odds(token) for token in piece.top]} if piece.top else {})


def _templates_messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The chat as templates read it. Calls, which may come without ids, get them, and results the ids of the calls that
    they follow."""
    chat: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []  # calls without a result
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        _check_message(message, where)
        own = {"role": message["role"], "content": message.get("content") or ""}
        if message.get("thinking"):
            own["reasoning_content"] = message["thinking"]
        if message.get("tool_calls"):
            waiting = [
                _call(f"call_{place}_{number}", call, where) for number, call in enumerate(message["tool_calls"])
            ]
            own["tool_calls"] = list(waiting)
        if message["role"] == "tool":
            own |= _result_of(message, waiting)
        chat.append(own)
    return chat


def _result_of(message: dict[str, Any], waiting: list[dict[str, Any]]) -> dict[str, Any]:
    """Which call a result is of: the one with its id or its name, or the first that has none yet."""
    id, name = message.get("tool_call_id"), message.get("tool_name") or message.get("name")
    fitting = [call for call in waiting if call["id"] == id] or [
        call for call in waiting if name in (None, call["function"]["name"])
    ]
    if fitting:
        waiting.remove(fitting[0])
        id, name = fitting[0]["id"], fitting[0]["function"]["name"]
    return ({"tool_call_id": id} if id else {}) | ({"name": name} if name else {})


def _check_message(message: dict[str, Any], where: str) -> None:
    role = message.get("role")
    if role not in ROLES:
        sentence = f"{where} has the role {str(role)[:40]!r}; known: {', '.join(ROLES)}."
        raise Refusal(400, sentence, param="messages")
    if message.get("images"):
        raise Refusal(400, f"{where} {NO_IMAGES}", param="messages", code="unsupported")
    for name in ("content", "thinking"):
        if not isinstance(message.get(name), str | None):
            raise Refusal(400, f"{where} has a {name} that is no text.", param="messages")
    if not isinstance(message.get("tool_calls"), list | None):
        raise Refusal(400, f"{where} has tool_calls that are no list.", param="messages")


def _call(id: str, call: Any, where: str) -> dict[str, Any]:
    """A call of an earlier answer as templates print it."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Refusal(400, f"{where} has a call without a function that has a name.", param="messages")
    arguments = function.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise Refusal(400, f"{where} has a call whose arguments are no object.", param="messages")
    named = {"name": function["name"], "arguments": json.dumps(arguments)}
    return {"id": str(call.get("id") or id), "type": "function", "function": named}
