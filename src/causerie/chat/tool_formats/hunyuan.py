"""Hy3: a section of calls, each NAME and keys and values between marks, all of which end in `:opensource`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, calls_in
from causerie.chat.tool_formats.rules import Rules, Schemas, arguments_in_order

_OPENER, _CLOSER = "<tool_calls:opensource>", "</tool_calls:opensource>"
_BEGIN, _SEPARATOR, _END = "<tool_call:opensource>", "<tool_sep:opensource>", "</tool_call:opensource>"
_KEY, _KEY_END = "<arg_key:opensource>", "</arg_key:opensource>"
_VALUE, _VALUE_END = "<arg_value:opensource>", "</arg_value:opensource>"
# A value may hold anything but its own end; the last may lack it.
_STEP = re.compile(
    rf"{_BEGIN}\s*([^<>\s]{{1,300}})\s*{_SEPARATOR}|{_KEY}([^<]{{1,300}}){_KEY_END}\s*{_VALUE}(.*?)(?:{_VALUE_END}|\Z)",
    re.DOTALL,
)


def read(block: str, schemas: Schemas) -> list[ToolCallPart]:
    """Each call of the section."""
    return calls_in(_STEP.findall(block), schemas)


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """A section with a call, or several."""
    line = rules.literal("\n")

    def one(name: str, schema: Mapping[str, Any]) -> str:
        parts = [rules.literal(f"{_BEGIN}{name}{_SEPARATOR}\n")]
        for key, value, needed in arguments_in_order(schema):
            opener = rules.literal(f"{_KEY}{key}{_KEY_END}\n{_VALUE}")
            argument = f"{opener} {rules.bare(value, _VALUE_END)} {line}"
            parts.append(argument if needed else f"({argument})?")
        return " ".join((*parts, rules.literal(f"{_END}\n")))

    calls = rules.calls(one, tools, "" if several else None)
    return f"{rules.literal(_OPENER)} {line} {calls} {rules.literal(_CLOSER)}"


FORMAT = ToolFormat(
    "hunyuan",
    signs=(("':opensource'", "<tool_sep{}>"),),  # the template puts the one into the other
    openers=(_OPENER,),
    closers=(_CLOSER,),
    read=read,
    write=write,
    markers=(_BEGIN, _SEPARATOR, _END, _KEY, _KEY_END, _VALUE, _VALUE_END),
)
