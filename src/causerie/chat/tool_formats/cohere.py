"""Cohere: `<|START_ACTION|>`[{"tool_call_id": …, "tool_name": …, "parameters": {…}}, …]`<|END_ACTION|>`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, arguments_text, listed_calls
from causerie.chat.tool_formats.rules import Rules, Schemas

_OPENER, _CLOSER = "<|START_ACTION|>", "<|END_ACTION|>"


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """A list of objects."""
    return listed_calls(block, _call)


def _call(value: Any) -> ToolCallPart:
    if not isinstance(value, Mapping) or not isinstance(value.get("tool_name"), str) or not value["tool_name"]:
        raise ValueError("a call is an object with a tool_name")
    # The id is a number that the template gives anew in every prompt: no name that a client could rely on.
    return ToolCallPart(value["tool_name"], arguments_text(value.get("parameters", {})))


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """One list, a line for each call."""

    def one(name: str, schema: Mapping[str, Any]) -> str:
        properties = {
            "tool_call_id": {"type": "string", "pattern": "^[0-9]{1,3}$"},
            "tool_name": {"const": name},
            "parameters": {"type": "object", **schema},
        }
        return rules.json(
            {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            }
        )

    calls = rules.calls(one, tools, ",\n    " if several else None)
    opener, closer = rules.literal(f"{_OPENER}[\n    "), rules.literal(f"\n]{_CLOSER}")
    return f"{opener} {calls} {closer}"


FORMAT = ToolFormat(
    "cohere",
    signs=((_OPENER, '"tool_name"'),),
    openers=(_OPENER,),
    closers=(_CLOSER,),
    read=read,
    write=write,
)
