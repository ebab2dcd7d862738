"""LFM2: a Python list of calls between `<|tool_call_start|>` and `<|tool_call_end|>`."""

from __future__ import annotations

from causerie.chat.tool_formats import pythonic
from causerie.chat.tool_formats.format import ToolFormat
from causerie.chat.tool_formats.rules import Rules, Schemas


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """The list between its marks."""
    list_ = pythonic.write(rules, tools, several)
    return f"{rules.literal('<|tool_call_start|>')} {list_} {rules.literal('<|tool_call_end|>')}"


FORMAT = ToolFormat(
    "lfm",
    signs=(("<|tool_call_start|>",), ("<|tool_list_start|>",)),  # LFM2's templates write no calls, its models do
    openers=("<|tool_call_start|>",),
    closers=("<|tool_call_end|>",),
    read=pythonic.read,
    write=write,
)
