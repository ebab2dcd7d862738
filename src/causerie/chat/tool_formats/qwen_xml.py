"""Qwen3-Coder, Nemotron, Seed: `<function=NAME>` with `<parameter=KEY>` VALUE `</parameter>` in a block of its own."""

from __future__ import annotations

import json
import re

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import Schemas, ToolFormat, typed

_FUNCTION = re.compile(r"<function=([^>\s]+)>(.*?)(?:</function>|\Z)", re.DOTALL)
# The last parameter may lack its end; a value may hold anything but the end of a parameter.
_PARAMETER = re.compile(r"<parameter=([^>]+)>\n?(.*?)\n?(?:</parameter>|\Z)", re.DOTALL)


def read(block: str, schemas: Schemas) -> list[ToolCallPart]:
    """Each function of the block."""
    calls = []
    for function in _FUNCTION.finditer(block):
        name = function.group(1)
        found = {key: typed(name, key, value, schemas) for key, value in _PARAMETER.findall(function.group(2))}
        calls.append(ToolCallPart(name, json.dumps(found, ensure_ascii=False)))
    if not calls:
        raise ValueError("the block has no function")
    return calls


FORMATS = (
    ToolFormat(
        "seed_xml",
        signs=(("<seed:tool_call>", "<function="),),
        openers=("<seed:tool_call>",),
        closers=("</seed:tool_call>",),
        read=read,
    ),
    ToolFormat(
        "qwen_xml",
        signs=(("<tool_call>", "<function="),),
        openers=("<tool_call>",),
        closers=("</tool_call>",),
        read=read,
    ),
)
