"""DeepSeek: calls between `<｜tool▁calls▁begin｜>` and its end, each a name and JSON, fenced or (V3.1) bare."""

from __future__ import annotations

import re

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import Schemas, ToolFormat, arguments_text

_BEGIN, _SEPARATOR, _END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
_CALL = re.compile(f"{_BEGIN}(.*?){_SEPARATOR}(.*?)(?:{_END}|\\Z)", re.DOTALL)
_FENCED = re.compile(r"(\S+)\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """Each call of the block."""
    calls = []
    for head, tail in _CALL.findall(block):
        fenced = _FENCED.fullmatch(tail.strip())
        name, arguments = fenced.groups() if fenced else (head.strip(), tail)
        calls.append(ToolCallPart(name, arguments_text(arguments)))
    if not calls or not all(call.name for call in calls):
        raise ValueError("the block holds no call")
    return calls


FORMAT = ToolFormat(
    "deepseek",
    signs=(("<｜tool▁calls▁begin｜>",),),
    openers=("<｜tool▁calls▁begin｜>",),
    closers=("<｜tool▁calls▁end｜>",),
    read=read,
    markers=(_BEGIN, _SEPARATOR, _END),
)
