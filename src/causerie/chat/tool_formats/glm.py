"""GLM: `<tool_call>`NAME, then `<arg_key>`KEY`</arg_key>` `<arg_value>`VALUE`</arg_value>` for each argument."""

from __future__ import annotations

import json
import re

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import Schemas, ToolFormat, typed

_ARGUMENT = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)


def read(block: str, schemas: Schemas) -> list[ToolCallPart]:
    """One call: its name up to the first key."""
    name = block.partition("<arg_key>")[0].strip()
    if not name or any(character in name for character in "{}<>\"' \n"):
        raise ValueError("the block does not begin with a name")
    found = {key.strip(): typed(name, key.strip(), value, schemas) for key, value in _ARGUMENT.findall(block)}
    return [ToolCallPart(name, json.dumps(found, ensure_ascii=False))]


FORMAT = ToolFormat(
    "glm",
    signs=(("<arg_key>", "<tool_call>"),),
    openers=("<tool_call>",),
    closers=("</tool_call>",),
    read=read,
    markers=("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"),
)
