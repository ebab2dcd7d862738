"""Mistral: `[TOOL_CALLS]` and a JSON list of calls; newer ones `[TOOL_CALLS]`NAME`[ARGS]`{…} for each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, arguments_text, call_of, listed_calls
from causerie.chat.tool_formats.rules import COMMA, Rules, Schemas, call_schema

_OPENER, _ARGS, _ID = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """Either form, to the end of the answer."""
    if _ARGS in block:
        return [_named(one) for one in block.split(_OPENER) if one.strip()]
    return listed_calls(block, call_of)


def _named(text: str) -> ToolCallPart:
    head, _, arguments = text.partition(_ARGS)
    name, _, id = head.partition(_ID)
    if not name.strip():
        raise ValueError("a call has no name")
    return ToolCallPart(name.strip(), arguments_text(arguments), id.strip() or None)


def _write_list(rules: Rules, tools: Schemas, several: bool) -> str:
    call = rules.json(call_schema(tools, "arguments", {"id": {"type": "string", "pattern": "^[a-zA-Z0-9]{9}$"}}))
    calls = f"{call} ({COMMA} {call})*" if several else call
    return f'{rules.literal(_OPENER)} " "? "[" {calls} "]"'


def _write_named(rules: Rules, tools: Schemas, several: bool) -> str:
    def one(name: str, schema: Mapping[str, Any]) -> str:
        return f"{rules.literal(f'{_OPENER}{name}{_ARGS}')} {rules.json({'type': 'object', **schema})}"

    return rules.calls(one, tools, "" if several else None)


FORMATS = (
    ToolFormat(
        "mistral_named",
        signs=((_OPENER, _ARGS),),
        openers=(_OPENER,),
        closers=(),
        read=read,
        write=_write_named,
        markers=(_ARGS, _ID),
    ),
    ToolFormat(
        "mistral",
        signs=((_OPENER,),),
        openers=(_OPENER,),
        closers=(),
        read=read,
        write=_write_list,
        markers=(_ARGS, _ID),
    ),
)
