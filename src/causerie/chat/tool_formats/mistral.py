"""Mistral: `[TOOL_CALLS]` and a JSON list of calls; newer ones `[TOOL_CALLS]`NAME`[ARGS]`{…} for each call."""

from __future__ import annotations

import json

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import Schemas, ToolFormat, arguments_text, call_of

_OPENER, _ARGS, _ID = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """Either form, to the end of the answer."""
    if _ARGS in block:
        return [_named(one) for one in block.split(_OPENER) if one.strip()]
    found = json.loads(block)
    if not isinstance(found, list) or not found:
        raise ValueError("the block is no list of calls")
    return [call_of(value) for value in found]


def _named(text: str) -> ToolCallPart:
    head, _, arguments = text.partition(_ARGS)
    name, _, given = head.partition(_ID)
    if not name.strip():
        raise ValueError("a call has no name")
    return ToolCallPart(name.strip(), arguments_text(arguments), given.strip() or None)


FORMAT = ToolFormat(
    "mistral",
    signs=((_OPENER,),),
    openers=(_OPENER,),
    closers=(),
    read=read,
    markers=(_ARGS, _ID),
)
