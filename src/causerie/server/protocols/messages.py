"""`/v1/messages`, the protocol of Anthropic's clients: its request and its answers, JSON to orders and events to JSON.

Pure: no HTTP, no model. A field that is not listed here is refused by name.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from causerie.server.http.failure_responses import FieldNames, Refusal
from causerie.server.processes.jobs import Begun, Chat, Ended, Generate, Piece
from causerie.server.protocols.blocks import Block, Blocks
from causerie.server.protocols.chat_limits import check_chat
from causerie.server.protocols.sampling_fields import check_stops, drawing_flags, in_range
from causerie.server.protocols.service_fields import among
from causerie.server.protocols.system_messages import is_system, with_instructions
from causerie.server.protocols.text_parts import joined_text
from causerie.server.protocols.tool_fields import tool_use
from causerie.text.response_format import form_of

_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
"""As chat templates know them."""
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


class OutputConfig(Struct, forbid_unknown_fields=True, frozen=True):
    """How an answer is to be: `effort` is told to the chat template, `format` is a form that the answer is held to."""

    effort: str | None = None
    format: dict[str, Any] | None = None


class ContextManagement(Struct, forbid_unknown_fields=True, frozen=True):
    """What Anthropic's service would clear out of a long chat. Nothing is cleared here, and the answer says so."""

    edits: list[dict[str, Any]] = []


class CountRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /v1/messages/count_tokens."""

    model: str = ""  # none is named: the one that is served
    messages: list[dict[str, Any]]
    system: str | list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    cache_control: dict[str, Any] | None = None  # prompts are shared by what they are; of blocks and tools, too
    output_config: OutputConfig | None = None
    context_management: ContextManagement | None = None

    def prompt(self) -> Chat:
        """The chat as templates read it. Raises Refusal, naming the field."""
        check_chat(self.messages, "messages")
        chat = self._chat()
        variables: dict[str, Any] = {}
        if self.thinking is not None:
            if self.thinking.get("type") not in ("enabled", "disabled", "adaptive"):
                raise Refusal(400, "thinking has the type enabled, adaptive or disabled.", param="thinking")
            variables["enable_thinking"] = self.thinking["type"] != "disabled"
        if self.output_config is not None and self.output_config.effort is not None:
            effort = self.output_config.effort
            among("output_config", effort, _EFFORTS)
            variables["reasoning_effort"] = _EFFORTS[effort]
        with_tools = self.tools and (self.tool_choice or {}).get("type") != "none"
        return Chat(
            chat,
            [_function(place, tool) for place, tool in enumerate(self.tools or [])] if with_tools else None,
            variables,
        )

    def _chat(self) -> list[dict[str, Any]]:
        """The messages, the system prompt in front, which some clients send as a message."""
        instructions = [] if self.system is None else [_text(self.system, "system")]
        chat: list[dict[str, Any]] = []
        for place, message in enumerate(self.messages):
            if is_system(message):
                instructions.append(_text(message.get("content"), f"messages[{place}]"))
            else:
                chat += _messages(place, message)
        if all(map(is_system, self.messages)):
            raise Refusal(400, "messages holds system prompts alone; there must be one of the user.", param="messages")
        return with_instructions(instructions, chat)


class MessagesRequest(CountRequest, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /v1/messages."""

    max_tokens: int
    stream: bool = False
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    metadata: dict[str, Any] | None = None  # who asks, by the caller's own name: changes nothing here
    service_tier: str | None = None  # there is one

    def orders(self) -> list[Callable[[int], Generate]]:
        """What the engine is asked: one order. Raises Refusal, naming the field."""
        for name, low, high in (
            ("max_tokens", 1, 1 << 31),
            ("temperature", 0, 1),
            ("top_p", 0, 1),
            ("top_k", 0, 1 << 31),
        ):
            in_range(name, getattr(self, name), low, high)
        stops = self.stop_sequences or []
        check_stops("stop_sequences", stops)
        among("service_tier", self.service_tier, ("auto", "standard_only"))
        if not all(stops):
            raise Refusal(400, "stop_sequences holds an empty text.", param="stop_sequences")
        prompt = self.prompt()
        flags: dict[str, Any] = {"max_new_tokens": self.max_tokens}
        budget = (self.thinking or {}).get("budget_tokens")
        if budget is not None:
            if not isinstance(budget, int) or isinstance(budget, bool) or not 0 <= budget < 1 << 31:
                raise Refusal(400, f"thinking.budget_tokens is {budget!r}; it counts tokens.", param="thinking")
            if budget < self.max_tokens:
                flags["thinking_budget"] = budget
        flags |= drawing_flags(self, ("temperature", "top_p", "top_k"))
        if stops:
            flags["stop_strings"] = stops
        format = None if self.output_config is None else self.output_config.format
        if format is not None:
            form_of(format)
            flags["response_format"] = format
        choice = self.tool_choice or {"type": "auto"}
        kind = choice.get("type")
        if kind not in (*_CHOICES, "tool"):
            raise Refusal(400, "tool_choice has the type auto, any, tool or none.", param="tool_choice")
        named = {"name": choice.get("name")} if kind == "tool" else _CHOICES[str(kind)]
        use = tool_use(
            prompt.tools, named if prompt.tools or kind != "auto" else None, not choice.get("disable_parallel_tool_use")
        )
        return [lambda job: Generate(job, self.model, prompt, flags, 1, None, True, use)]


FIELD_NAMES: FieldNames = {
    "prompt": "messages",
    "stop_strings": "stop_sequences",
    "max_new_tokens": "max_tokens",
    "thinking_budget": "thinking",
    "response_format": "output_config.format",
}


class MessagesAnswer:
    """One answer while its events come."""

    def __init__(self, request: MessagesRequest) -> None:
        self._request = request
        self._blocks = Blocks()
        self._ids: dict[int, str] = {}
        self._ended: Ended | None = None
        self._read = 0
        self._id = f"msg_{secrets.token_hex(12)}"

    @property
    def over(self) -> bool:
        """Whether all of it has come."""
        return self._ended is not None

    def read(self, _: int, event: Begun | Piece | Ended) -> list[dict[str, Any]]:
        """Takes an event of the only order; returns what a stream sends for it."""
        if isinstance(event, Begun):
            self._read = event.prompt_tokens
            return [{"type": "message_start", "message": self._message([], None)}]
        if isinstance(event, Piece):
            return [self._change(*change) for change in self._blocks.read(event)]
        closing = [self._change(*change) for change in self._blocks.finish()]
        self._ended = event
        usage = {"output_tokens": event.new_tokens}
        ending = {"stop_reason": self._reason(event), "stop_sequence": event.stop_string}
        delta = {"type": "message_delta", "delta": ending, "usage": usage, **self._edits()}
        return [*closing, delta, {"type": "message_stop"}]

    def whole(self) -> dict[str, Any]:
        """The answer in one piece, once it is over."""
        return self._message([self._content(block) for block in self._blocks.all], self._ended)

    def _message(self, content: list[dict[str, Any]], ended: Ended | None) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._request.model,
            "content": content,
            "stop_reason": None if ended is None else self._reason(ended),
            "stop_sequence": None if ended is None else ended.stop_string,
            "usage": {
                "input_tokens": self._read - (ended.cached_tokens if ended else 0),
                "output_tokens": ended.new_tokens if ended else 0,
                "cache_read_input_tokens": ended.cached_tokens if ended else 0,
                "cache_creation_input_tokens": 0,
            },
            **({} if ended is None else self._edits()),
        }

    def _edits(self) -> dict[str, Any]:
        """What was cleared out of the chat, where that was asked: nothing."""
        return {} if self._request.context_management is None else {"context_management": {"applied_edits": []}}

    def _reason(self, ended: Ended) -> str:
        if ended.reason in ("length", "time"):
            return "max_tokens"
        if ended.stop_string is not None:
            return "stop_sequence"
        return "tool_use" if any(block.kind == "call" for block in self._blocks.all) else "end_turn"

    def _content(self, block: Block, empty: bool = False) -> dict[str, Any]:
        text = "" if empty else block.text
        if block.kind == "text":
            return {"type": "text", "text": text}
        if block.kind == "reasoning":
            return {"type": "thinking", "thinking": text, "signature": ""}
        assert block.call is not None, "a block of a call has one"
        name = self._ids.setdefault(block.index, block.call.id or f"toolu_{secrets.token_hex(12)}")
        return {"type": "tool_use", "id": name, "name": block.call.name, "input": json.loads(text) if text else {}}

    def _change(self, change: str, block: Block, text: str) -> dict[str, Any]:
        if change == "open":
            return {"type": "content_block_start", "index": block.index, "content_block": self._content(block, True)}
        if change == "close":
            return {"type": "content_block_stop", "index": block.index}
        kinds = {"text": ("text_delta", "text"), "reasoning": ("thinking_delta", "thinking")}
        kind, key = kinds.get(block.kind, ("input_json_delta", "partial_json"))
        return {"type": "content_block_delta", "index": block.index, "delta": {"type": kind, key: text}}


def _text(content: Any, where: str) -> str:
    return joined_text(content, where, ("text",))


def _messages(place: int, message: dict[str, Any]) -> list[dict[str, Any]]:
    """One message as templates read it: results of tools become messages of their own."""
    role, content, where = message.get("role"), message.get("content"), f"messages[{place}]"
    if role not in ("user", "assistant"):
        raise Refusal(
            400, f"{where} has the role {str(role)[:40]!r}; known: user, assistant, system.", param="messages"
        )
    if not isinstance(content, list):
        return [{"role": role, "content": _text(content, where)}]
    messages: list[dict[str, Any]] = []
    texts, calls, reasoning = [], [], []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "tool_result" and role == "user":
            result = _text(block.get("content") or "", where)
            of = _member(block, "tool_use_id", str, where)
            messages.append({"role": "tool", "tool_call_id": of, "content": result})
        elif kind == "tool_use" and role == "assistant":
            arguments = json.dumps(_member(block, "input", dict, where))
            function = {"name": _member(block, "name", str, where), "arguments": arguments}
            calls.append({"id": _member(block, "id", str, where), "type": "function", "function": function})
        elif kind == "thinking" and role == "assistant":
            reasoning.append(_member(block, "thinking", str, where))
        elif kind == "redacted_thinking" and role == "assistant":
            continue  # only who wrote it can read it
        else:
            texts.append(_text([block], where))
    if texts or calls or (role == "assistant" and not messages):
        own: dict[str, Any] = {"role": role, "content": "\n".join(texts)}
        own |= {"tool_calls": calls} if calls else {}
        own |= {"reasoning_content": "\n".join(reasoning)} if reasoning else {}
        messages.append(own)
    return messages


def _member(block: dict[str, Any], name: str, kind: type, where: str) -> Any:
    """A member of a block. Raises Refusal where it is missing or of another type."""
    value = block.get(name)
    if not isinstance(value, kind):
        actual = repr(value)[:40] if name in block else "missing"
        expectation = "a text" if kind is str else "an object"
        sentence = f"{where} has a {block['type']} block whose {name} is {actual}; expected {expectation}."
        raise Refusal(400, sentence, param="messages")
    return value


def _function(place: int, tool: dict[str, Any]) -> dict[str, Any]:
    """A tool as templates print it. Raises Refusal for one that runs elsewhere."""
    if tool.get("type", "custom") != "custom":
        raise Refusal(
            400, f"tools[{place}] is of type {tool['type']!r}; only your own tools can be called.", param="tools"
        )
    function = {"name": tool.get("name"), "description": tool.get("description", "")}
    return {"type": "function", "function": {**function, "parameters": tool.get("input_schema", {})}}
