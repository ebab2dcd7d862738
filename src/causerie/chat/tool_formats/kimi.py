"""Kimi: calls in a section, each an id such as functions.NAME:0 and JSON."""

from __future__ import annotations

import re

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import Schemas, ToolFormat, arguments_text

_BEGIN, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_CALL = re.compile("(.*?)".join(map(re.escape, (_BEGIN, _ARGUMENTS, _END))), re.DOTALL)
_ID = re.compile(r"(?:functions\.)?(.+?)(?::\d+)?")


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """Each call of the section."""
    calls = []
    for given, arguments in _CALL.findall(block):
        named = _ID.fullmatch(given.strip())
        if named is None:
            raise ValueError("a call has no name")
        calls.append(ToolCallPart(named.group(1), arguments_text(arguments), given.strip()))
    if not calls:
        raise ValueError("the section holds no call")
    return calls


FORMAT = ToolFormat(
    "kimi",
    signs=(("<|tool_calls_section_begin|>",),),
    openers=("<|tool_calls_section_begin|>",),
    closers=("<|tool_calls_section_end|>",),
    read=read,
    markers=(_BEGIN, _ARGUMENTS, _END),
)
