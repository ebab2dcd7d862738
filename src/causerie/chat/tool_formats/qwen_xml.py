"""Qwen3-Coder, Nemotron, Seed: `<function=NAME>` with `<parameter=KEY>` VALUE `</parameter>` in a block of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import RuleWriter, ToolFormat, typed
from causerie.chat.tool_formats.rules import Rules, Schemas, arguments_in_order

_FUNCTION = re.compile(r"<function=([^>\s]{1,300})>(.*?)(?:</function>|\Z)", re.DOTALL)
# The last parameter may lack its end; a value may hold anything but the end of a parameter.
_PARAMETER = re.compile(r"<parameter=([^>]{1,300})>\n?(.*?)\n?(?:</parameter>|\Z)", re.DOTALL)


def read(block: str, schemas: Schemas) -> list[ToolCallPart]:
    """Each function of the block."""
    calls = []
    for function in _FUNCTION.finditer(block):
        name = function.group(1)
        arguments = {key: typed(name, key, value, schemas) for key, value in _PARAMETER.findall(function.group(2))}
        calls.append(ToolCallPart(name, json.dumps(arguments, ensure_ascii=False)))
    if not calls:
        raise ValueError("the block has no function")
    return calls


def _writer(opener: str, closer: str, line: str, *, python: bool) -> RuleWriter:
    """How answers are held to blocks between these markers; a value stands between two of `line`."""

    def write(rules: Rules, tools: Schemas, several: bool) -> str:
        def one(name: str, schema: Mapping[str, Any]) -> str:
            parts = [rules.literal(f"{opener}\n<function={name}>\n")]
            for key, value, needed in arguments_in_order(schema):
                bare = rules.bare(value, f"{line}</parameter>\n", python=python)
                parameter = f"{rules.literal(f'<parameter={key}>{line}')} {bare}"
                parts.append(parameter if needed else f"({parameter})?")
            return " ".join((*parts, rules.literal(f"</function>\n{closer}")))

        call = rules.calls(one, tools, None)
        return f'{call} ("\\n"? {call})*' if several else call  # releases differ

    return write


FORMATS = (
    ToolFormat(
        "seed_xml",
        signs=(("<seed:tool_call>", "<function="),),
        openers=("<seed:tool_call>",),
        closers=("</seed:tool_call>",),
        read=read,
        write=_writer("<seed:tool_call>", "</seed:tool_call>", "", python=True),
    ),
    ToolFormat(
        "qwen_xml",
        signs=(("<tool_call>", "<function="),),
        openers=("<tool_call>",),
        closers=("</tool_call>",),
        read=read,
        write=_writer("<tool_call>", "</tool_call>", "\n", python=False),
    ),
)
