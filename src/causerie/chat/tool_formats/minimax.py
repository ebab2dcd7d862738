"""MiniMax: `<invoke name="NAME">` with `<parameter name="KEY">`VALUE`</parameter>`, in a block of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, typed
from causerie.chat.tool_formats.rules import Rules, Schemas, arguments_in_order

_OPENER, _CLOSER = "<minimax:tool_call>", "</minimax:tool_call>"
_LINE, _PARAMETER_END = "\n", "</parameter>\n"
# A value may hold anything but the end of a parameter; the last may lack it.
_STEP = re.compile(r'<invoke name="([^"]{1,300})">|<parameter name="([^"]{1,300})">(.*?)(?:</parameter>|\Z)', re.DOTALL)


def read(block: str, schemas: Schemas) -> list[ToolCallPart]:
    """Each call of the block."""
    calls: list[tuple[str, dict[str, Any]]] = []
    for name, key, value in _STEP.findall(block):
        if name:
            calls.append((name, {}))
        elif not calls:
            raise ValueError("a parameter stands before any call")
        else:
            called, arguments = calls[-1]
            arguments[key] = typed(called, key, value, schemas)
    if not calls:
        raise ValueError("the block holds no call")
    return [ToolCallPart(name, json.dumps(arguments, ensure_ascii=False)) for name, arguments in calls]


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """One block with a call, or several."""

    def one(name: str, schema: Mapping[str, Any]) -> str:
        parts = [rules.literal(f'<invoke name="{name}">\n')]
        for key, value, needed in arguments_in_order(schema):
            opener = rules.literal(f'<parameter name="{key}">')
            parameter = f"{opener} {rules.bare(value, _PARAMETER_END)}"
            parts.append(parameter if needed else f"({parameter})?")
        return " ".join((*parts, rules.literal("</invoke>\n")))

    calls = rules.calls(one, tools, "" if several else None)
    return f"{rules.literal(_OPENER + _LINE)} {calls} {rules.literal(_CLOSER)}"


FORMAT = ToolFormat(
    "minimax",
    signs=((_OPENER, "<invoke name="),),
    openers=(_OPENER,),
    closers=(_CLOSER,),
    read=read,
    write=write,
)
