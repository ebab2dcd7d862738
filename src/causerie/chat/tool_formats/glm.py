"""GLM: `<tool_call>`NAME, then `<arg_key>`KEY`</arg_key>` `<arg_value>`VALUE`</arg_value>` for each argument."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, typed
from causerie.chat.tool_formats.rules import Rules, Schemas, arguments_in_order

# The last value may lack its end. Each alternative ends somewhere: what a model repeats for ever is read once.
_ARGUMENT = re.compile(r"<arg_key>([^<]{1,300})</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|\Z)", re.DOTALL)


def read(block: str, schemas: Schemas) -> list[ToolCallPart]:
    """One call: its name up to the first key."""
    name = block.partition("<arg_key>")[0].strip()
    if not name or any(character in name for character in "{}<>\"' \n"):
        raise ValueError("the block does not begin with a name")
    arguments = {key.strip(): typed(name, key.strip(), value, schemas) for key, value in _ARGUMENT.findall(block)}
    return [ToolCallPart(name, json.dumps(arguments, ensure_ascii=False))]


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """Keys and values, and calls, with or without lines between them: releases differ."""
    line = '"\\n"?'

    def one(name: str, schema: Mapping[str, Any]) -> str:
        parts = [rules.literal(f"<tool_call>{name}")]
        for key, value, needed in arguments_in_order(schema):
            opener = rules.literal("<arg_value>")
            argument = f"{line} {rules.literal(f'<arg_key>{key}</arg_key>')} {line} {opener} "
            argument += rules.bare(value, "</arg_value>")
            parts.append(argument if needed else f"({argument})?")
        return " ".join((*parts, line, rules.literal("</tool_call>")))

    call = rules.calls(one, tools, None)
    return f"{call} ({line} {call})*" if several else call


FORMAT = ToolFormat(
    "glm",
    signs=(("<arg_key>", "<tool_call>"),),
    openers=("<tool_call>",),
    closers=("</tool_call>",),
    read=read,
    write=write,
    markers=("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"),
)
