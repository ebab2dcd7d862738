"""DeepSeek: calls between `<｜tool▁calls▁begin｜>` and its end, each a name and JSON, fenced or (V3.1) bare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import RuleWriter, ToolFormat, arguments_text
from causerie.chat.tool_formats.rules import Rules, Schemas

_BEGIN, _SEPARATOR, _END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
_OPENER, _CLOSER = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_CALL = re.compile(f"{_BEGIN}(.{{0,300}}?){_SEPARATOR}(.*?)(?:{_END}|\\Z)", re.DOTALL)
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


def _writer(fenced: bool) -> RuleWriter:
    def write(rules: Rules, tools: Schemas, several: bool) -> str:
        def one(name: str, schema: Mapping[str, Any]) -> str:
            head = f"function{_SEPARATOR}{name}\n```json\n" if fenced else f"{name}{_SEPARATOR}"
            tail = f"\n```{_END}" if fenced else _END
            body = rules.json({"type": "object", **schema})
            return f"{rules.literal(_BEGIN + head)} {body} {rules.literal(tail)}"

        calls = rules.calls(one, tools, ("\n" if fenced else "") if several else None)
        return f"{rules.literal(_OPENER)} {calls} {rules.literal(_CLOSER)}"

    return write


FORMATS = (
    ToolFormat(
        "deepseek_fenced",
        signs=((_OPENER, "```json"),),
        openers=(_OPENER,),
        closers=(_CLOSER,),
        read=read,
        write=_writer(fenced=True),
        markers=(_BEGIN, _SEPARATOR, _END),
    ),
    ToolFormat(
        "deepseek",
        signs=((_OPENER,),),
        openers=(_OPENER,),
        closers=(_CLOSER,),
        read=read,
        write=_writer(fenced=False),
        markers=(_BEGIN, _SEPARATOR, _END),
    ),
)
