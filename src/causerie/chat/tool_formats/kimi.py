"""Kimi: calls in a section, each an id such as functions.NAME:0 and JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, arguments_text
from causerie.chat.tool_formats.rules import Rules, Schemas

_BEGIN, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_CALL = re.compile(rf"{re.escape(_BEGIN)}(.{{0,300}}?){re.escape(_ARGUMENTS)}(.*?)(?:{re.escape(_END)}|\Z)", re.DOTALL)
_ID = re.compile(r"(?:functions\.)?(.+?)(?::\d+)?")


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """Each call of the section."""
    calls = []
    for id, arguments in _CALL.findall(block):
        named = _ID.fullmatch(id.strip())
        if named is None:
            raise ValueError("a call has no name")
        calls.append(ToolCallPart(named.group(1), arguments_text(arguments), id.strip()))
    if not calls:
        raise ValueError("the section holds no call")
    return calls


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """A section of calls, each with its number."""

    def one(name: str, schema: Mapping[str, Any]) -> str:
        head = f"{rules.literal(f'{_BEGIN}functions.{name}:')} {rules.words('[0-9]{1,3}')} {rules.literal(_ARGUMENTS)}"
        return f"{head} {rules.json({'type': 'object', **schema})} {rules.literal(_END)}"

    calls = rules.calls(one, tools, "" if several else None)
    return f"{rules.literal(FORMAT.openers[0])} {calls} {rules.literal(FORMAT.closers[0])}"


FORMAT = ToolFormat(
    "kimi",
    signs=(("<|tool_calls_section_begin|>",),),
    openers=("<|tool_calls_section_begin|>",),
    closers=("<|tool_calls_section_end|>",),
    read=read,
    write=write,
    markers=(_BEGIN, _ARGUMENTS, _END),
)
