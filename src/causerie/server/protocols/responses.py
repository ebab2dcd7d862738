"""`/v1/responses`, OpenAI's newer protocol: its request and its answers, JSON to orders and events to JSON.

Pure: no HTTP, no model. Nothing is kept between requests, so what refers to an earlier response is refused.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from causerie.api.options.speculation import SPECULATION
from causerie.server.http.failure_responses import FieldNames, Refusal
from causerie.server.processes.jobs import Begun, Chat, Ended, Generate, Piece
from causerie.server.protocols.blocks import Block, Blocks
from causerie.server.protocols.chat_limits import check_chat
from causerie.server.protocols.sampling_fields import check_streamed, context_of, drawing_flags, in_range
from causerie.server.protocols.service_fields import ServiceFields, among
from causerie.server.protocols.system_messages import with_instructions, with_system_role
from causerie.server.protocols.template_variables import template_variables
from causerie.server.protocols.text_parts import joined_text
from causerie.server.protocols.tool_fields import allowed, tool_use
from causerie.text.response_format import form_of

_TEXTS = ("input_text", "output_text", "text", "reasoning_text", "summary_text")
_INCLUDED = (
    "reasoning.encrypted_content",  # reasoning comes as it is, so nothing is to be encrypted
    "file_search_call.results",  # of tools that a server runs, of which there are none; the next ones too
    "web_search_call.results",
    "web_search_call.action.sources",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "message.input_image.image_url",  # there are no images
)
_RANGES = {
    "max_output_tokens": (1, 1 << 31),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_logprobs": (0, 20),
    "max_tool_calls": (1, 1 << 31),
}


class ResponseStreamOptions(Struct, forbid_unknown_fields=True, frozen=True):
    """What a stream adds: nothing here."""

    include_obfuscation: bool = False


class ResponsesRequest(ServiceFields, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of a request."""

    input: str | list[dict[str, Any]]
    instructions: str | None = None
    stream_options: ResponseStreamOptions | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    speculation: str | None = None  # who guesses tokens that are checked several at a time; no answer changes
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    truncation: str | None = None
    previous_response_id: str | None = None
    include: list[str] | None = None
    top_logprobs: int | None = None
    background: bool = False
    max_tool_calls: int | None = None  # of tools that a server runs, of which there are none
    client_metadata: dict[str, Any] | None = None  # of the program that asks
    conversation: None = None
    prompt: None = None
    context_management: None = None
    moderation: None = None

    def orders(self) -> list[Callable[[int], Generate]]:
        """What the engine is asked: one order. Raises Refusal, naming the field."""
        self._check()
        every = [_function(place, tool) for place, tool in enumerate(self.tools or [])]
        tools, choice = allowed(every, self.tool_choice)
        use = tool_use(tools, choice, self.parallel_tool_calls is not False)
        prompt = Chat(self._messages(), tools if use is not None else None, self._variables())
        flags = self._flags()
        policy = "drop_oldest" if self.truncation == "auto" else "error"
        return [lambda job: Generate(job, self.model, prompt, flags, 1, None, True, use, policy)]

    def _check(self) -> None:
        self.check_service()
        check_streamed("stream_options", self.stream_options is not None, self.stream)
        for name, (low, high) in _RANGES.items():
            in_range(name, getattr(self, name), low, high)
        among("speculation", self.speculation, SPECULATION)
        among("truncation", self.truncation, ("disabled", "auto"))
        for name in self.include or []:
            among("include", name, _INCLUDED)
        for name in self.text or {}:
            among("text", name, ("format", "verbosity"))
        if self.previous_response_id is not None:
            raise Refusal(400, "No response is kept here; send the whole chat as input.", param="previous_response_id")
        if self.background:
            raise Refusal(400, "An answer comes while you wait; set background: false.", param="background")
        if self.top_logprobs:
            sentence = "Log-probabilities are told by /v1/chat/completions; leave top_logprobs out."
            raise Refusal(400, sentence, param="top_logprobs", code="unsupported")

    def _flags(self) -> dict[str, Any]:
        flags: dict[str, Any] = {}
        if self.max_output_tokens is not None:
            flags["max_new_tokens"] = self.max_output_tokens
        flags |= drawing_flags(self, ("temperature", "top_p"))
        if self.speculation is not None:
            flags["speculation"] = self.speculation
        format = (self.text or {}).get("format")
        if format is not None:
            form_of(format)
            flags["response_format"] = format
        return flags

    def _variables(self) -> dict[str, Any]:
        return template_variables((self.reasoning or {}).get("effort"), (self.text or {}).get("verbosity"), "text")

    def _messages(self) -> list[dict[str, Any]]:
        chat: list[dict[str, Any]] = []
        if isinstance(self.input, str):
            chat.append({"role": "user", "content": self.input})
        else:
            check_chat(self.input, "input")
            for place, item in enumerate(self.input):
                _add_item(chat, place, item)
        return with_instructions([self.instructions] if self.instructions else [], chat)


FIELD_NAMES: FieldNames = {"prompt": "input", "max_new_tokens": "max_output_tokens", "response_format": "text.format"}


class ResponsesAnswer:
    """One answer while its events come."""

    def __init__(self, request: ResponsesRequest, clock: Callable[[], float] = time.time) -> None:
        self._request = request
        self._blocks = Blocks()
        self._ids: dict[int, str] = {}
        self._call_ids: dict[int, str] = {}
        self._ended: Ended | None = None
        self._read = 0
        self._sequence = 0
        self._context: dict[str, Any] = {}
        self._head = {"id": f"resp_{secrets.token_hex(12)}", "object": "response", "created_at": int(clock())}

    @property
    def over(self) -> bool:
        """Whether all of it has come."""
        return self._ended is not None

    def read(self, _: int, event: Begun | Piece | Ended) -> list[dict[str, Any]]:
        """Takes an event of the only order; returns what a stream sends for it."""
        if isinstance(event, Begun):
            self._read = event.prompt_tokens
            self._context = context_of(event)
            return [self._event(f"response.{kind}", response=self._response()) for kind in ("created", "in_progress")]
        if isinstance(event, Piece):
            return [made for change in self._blocks.read(event) for made in self._change(*change)]
        closing = [made for change in self._blocks.finish() for made in self._change(*change)]
        self._ended = event
        return [*closing, self._event(f"response.{self._status()}", response=self._response())]

    def whole(self) -> dict[str, Any]:
        """The answer in one piece, once it is over."""
        return self._response()

    def _status(self) -> str:
        if self._ended is None:
            return "in_progress"
        return "incomplete" if self._ended.reason in ("length", "time") else "completed"

    def _response(self) -> dict[str, Any]:
        request, ended, status = self._request, self._ended, self._status()
        cut = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return {
            **self._head,
            **self._context,
            "status": status,
            "error": None,
            "incomplete_details": cut,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "model": request.model,
            "output": [] if ended is None else [self._item(block, "completed") for block in self._blocks.all],
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "previous_response_id": None,
            "reasoning": request.reasoning or {"effort": None, "summary": None},
            "store": False,
            "temperature": request.temperature,
            "text": request.text or {"format": {"type": "text"}},
            "tool_choice": request.tool_choice or "auto",
            "tools": request.tools or [],
            "top_p": request.top_p,
            "truncation": request.truncation or "disabled",
            "usage": None if ended is None else self._usage(ended),
            "user": request.user,
            "metadata": request.metadata or {},
        }

    def _usage(self, ended: Ended) -> dict[str, Any]:
        return {
            "input_tokens": self._read,
            "input_tokens_details": {"cached_tokens": ended.cached_tokens},
            "output_tokens": ended.new_tokens,
            "output_tokens_details": {"reasoning_tokens": ended.reasoning_tokens},
            "total_tokens": self._read + ended.new_tokens,
        }

    def _item(self, block: Block, status: str) -> dict[str, Any]:
        prefix = {"text": "msg", "reasoning": "rs", "call": "fc"}[block.kind]
        id = self._ids.setdefault(block.index, f"{prefix}_{secrets.token_hex(12)}")
        done = status == "completed"
        if block.kind == "text":
            return {
                "id": id, "type": "message", "role": "assistant", "status": status,
                "content": [self._part(block)] if done else [],
            }  # fmt: skip
        if block.kind == "reasoning":
            return {"id": id, "type": "reasoning", "summary": [], "content": [self._part(block)] if done else []}
        assert block.call is not None, "a block of a call has one"
        call_id = self._call_ids.setdefault(block.index, block.call.id or f"call_{secrets.token_hex(12)}")
        arguments = block.call.arguments if done else ""
        return {
            "id": id, "type": "function_call", "call_id": call_id, "name": block.call.name, "arguments": arguments,
            "status": status,
        }  # fmt: skip

    def _part(self, block: Block, text: str | None = None) -> dict[str, Any]:
        whole = block.text if text is None else text
        if block.kind == "reasoning":
            return {"type": "reasoning_text", "text": whole}
        return {"type": "output_text", "text": whole, "annotations": [], "logprobs": []}

    def _change(self, change: str, block: Block, text: str) -> list[dict[str, Any]]:
        item = self._item(block, "completed" if change == "close" else "in_progress")
        at: dict[str, Any] = {"item_id": item["id"], "output_index": block.index}
        if block.kind == "call":
            if change == "more":
                return [self._event("response.function_call_arguments.delta", **at, delta=text)]
            if change == "open":
                return [self._event("response.output_item.added", output_index=block.index, item=item)]
            name = block.call.name if block.call else ""
            done = self._event("response.function_call_arguments.done", **at, name=name, arguments=block.text)
            return [done, self._event("response.output_item.done", output_index=block.index, item=item)]
        at["content_index"] = 0
        kind = "output_text" if block.kind == "text" else "reasoning_text"
        extra: dict[str, Any] = {"logprobs": []} if block.kind == "text" else {}
        if change == "more":
            return [self._event(f"response.{kind}.delta", **at, delta=text, **extra)]
        if change == "open":
            return [
                self._event("response.output_item.added", output_index=block.index, item=item),
                self._event("response.content_part.added", **at, part=self._part(block, "")),
            ]
        return [
            self._event(f"response.{kind}.done", **at, text=block.text, **extra),
            self._event("response.content_part.done", **at, part=self._part(block)),
            self._event("response.output_item.done", output_index=block.index, item=item),
        ]

    def _event(self, kind: str, **fields: Any) -> dict[str, Any]:
        event = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return event


def _add_item(chat: list[dict[str, Any]], place: int, item: dict[str, Any]) -> None:
    """One item of the input, as templates read it. Raises Refusal for a kind that is not known."""
    kind = item.get("type", "message" if "role" in item else None)
    if kind == "message":
        chat.append(with_system_role({"role": item.get("role"), "content": _text(place, item.get("content"))}))
    elif kind == "function_call":
        function = {"name": str(item.get("name")), "arguments": str(item.get("arguments", "{}"))}
        call = {"id": str(item.get("call_id")), "type": "function", "function": function}
        if chat and chat[-1]["role"] == "assistant":
            chat[-1] = {**chat[-1], "tool_calls": [*chat[-1].get("tool_calls", []), call]}
        else:
            chat.append({"role": "assistant", "content": "", "tool_calls": [call]})
    elif kind == "function_call_output":
        chat.append(
            {"role": "tool", "tool_call_id": str(item.get("call_id")), "content": _text(place, item.get("output"))}
        )
    elif kind == "reasoning":
        return  # templates leave an earlier answer's reasoning out
    else:
        raise Refusal(400, f"input[{place}] is of type {str(kind)[:40]!r}, which is not read.", param="input")


def _text(place: int, content: Any) -> str:
    return joined_text(content, f"input[{place}]", _TEXTS)


def _function(place: int, tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise Refusal(400, f"tools[{place}] is no function; only functions can be called.", param="tools")
    return {
        "type": "function",
        "function": {key: value for key, value in tool.items() if key not in ("type", "strict")},
    }
