"""Hermes and Qwen: `<tool_call>` {"name": …, "arguments": {…}} `</tool_call>`, a block for each call."""

from __future__ import annotations

import json

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, call_of
from causerie.chat.tool_formats.rules import Rules, Schemas, call_schema

LINE = "\n"


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """One JSON object."""
    return [call_of(json.loads(block))]


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """Blocks on lines of their own."""
    body = rules.json(call_schema(tools, "arguments"))
    call = f"{rules.literal('<tool_call>' + LINE)} {body} {rules.literal(LINE + '</tool_call>')}"
    return f"{call} ({rules.literal(LINE)} {call})*" if several else call


FORMAT = ToolFormat(
    "hermes",
    signs=(("<tool_call>",),),
    openers=("<tool_call>",),
    closers=("</tool_call>",),
    read=read,
    write=write,
    counter_signs=("]<]minimax[>[",),  # MiniMax M3 has its own mark before each tag
)
