"""Apertus: `<|tools_prefix|>`[{NAME: {…}}, …]`<|tools_suffix|>`, also in the midst of its reasoning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, arguments_text, listed_calls
from causerie.chat.tool_formats.rules import COMMA, Rules, Schemas

_OPENER, _CLOSER = "<|tools_prefix|>", "<|tools_suffix|>"


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """A list of objects, each with a name and its arguments."""
    return listed_calls(block, _call)


def _call(value: Any) -> ToolCallPart:
    if not isinstance(value, Mapping):
        raise ValueError("a call is an object with one name")
    ((name, arguments),) = value.items()  # a ValueError where there are more or none
    if not name:
        raise ValueError("a call has no name")
    return ToolCallPart(name, arguments_text(arguments))


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """One list."""

    def one(name: str, schema: Mapping[str, Any]) -> str:
        body = {"type": "object", **schema}
        call = {"type": "object", "properties": {name: body}, "required": [name], "additionalProperties": False}
        return rules.json(call)

    call = rules.calls(one, tools, None)
    calls = f"{call} ({COMMA} {call})*" if several else call
    return f'{rules.literal(_OPENER)} "[" {calls} "]" {rules.literal(_CLOSER)}'


FORMAT = ToolFormat(
    "apertus",
    signs=((_OPENER,),),
    openers=(_OPENER,),
    closers=(_CLOSER,),
    read=read,
    write=write,
)
