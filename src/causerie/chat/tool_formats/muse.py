"""Muse Glimmer: an answer is messages, each to somebody, from its header to `<|eom|>` or `<|eot|>`.

What is said to=self is reasoning, to=user text, and to=NAME a call in tags (invoke.py) between `<atem:function_calls>`
and its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.reasoning import ReasoningFormat
from causerie.chat.tool_formats.channels import Channels
from causerie.chat.tool_formats.format import ToolFormat
from causerie.chat.tool_formats.invoke import invocation, reader
from causerie.chat.tool_formats.rules import Rules, Schemas

_START, _MESSAGE, _ENDS = "<|start|>", "<|message|>", ("<|eom|>", "<|eot|>")
_OPENER, _CLOSER, _PREFIX = "<atem:function_calls>", "</atem:function_calls>", "atem:"
_TO = re.compile(r" to=([^\s<]+)")
_read = reader(_PREFIX)


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """A block is never handed out: calls are messages."""
    raise ValueError("Muse Glimmer has no blocks of calls outside its messages")


def _recipient(header: str) -> str | None:
    match = _TO.search(header)
    return None if match is None else match.group(1)


def called(header: str) -> str | None:
    """The function that a header addresses."""
    recipient = _recipient(header)
    return None if recipient in ("self", "user") else recipient


def reasons(header: str) -> bool:
    """Whether a message with this header is reasoning."""
    return _recipient(header) == "self"


def read_message(_: str, text: str, schemas: Schemas) -> list[ToolCallPart]:
    """The calls of a message, which name their functions themselves. Raises ValueError."""
    if not text.lstrip().startswith(_OPENER):
        raise ValueError("the message does not begin with a block of calls")
    return _read(text, schemas)


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """Perhaps reasoning, then a message for each call."""
    begin, end = f"{_START}assistant", _ENDS[0]
    thought = f"{rules.literal(f' to=self{_MESSAGE}')} {rules.text_to(end + begin)}"

    def one(name: str, schema: Mapping[str, Any]) -> str:
        opener = rules.literal(f" to={name}{_MESSAGE}{_OPENER}\n")
        return f"{opener} {invocation(rules, _PREFIX, name, schema)} {rules.literal(_CLOSER)}"

    return f"({thought})? {rules.calls(one, tools, end + begin if several else None)}"


FORMAT = ToolFormat(
    "muse",
    signs=((_OPENER, "to=self"),),
    openers=(_OPENER,),
    closers=(_CLOSER,),
    read=read,
    write=write,
    markers=(_START, _MESSAGE, *_ENDS),
    channels=Channels(
        _START,
        _MESSAGE,
        _ENDS,
        sign=" to=",
        reasoning=ReasoningFormat(f" to=self{_MESSAGE}", _ENDS[0]),
        called=called,
        reasons=reasons,
        read=read_message,
    ),
)
