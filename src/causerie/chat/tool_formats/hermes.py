"""Hermes and Qwen: `<tool_call>` {"name": …, "arguments": {…}} `</tool_call>`, a block for each call."""

from __future__ import annotations

import json

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import Schemas, ToolFormat, call_of


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """One JSON object."""
    return [call_of(json.loads(block))]


FORMAT = ToolFormat(
    "hermes",
    signs=(("<tool_call>",),),
    openers=("<tool_call>",),
    closers=("</tool_call>",),
    read=read,
    wrapped=("<tool_call>\n", "\n</tool_call>", "arguments"),
)
