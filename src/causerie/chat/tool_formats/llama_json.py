"""Llama 3: the whole answer is {"name": …, "parameters": {…}}, perhaps after `<|python_tag|>`; `;` between several."""

from __future__ import annotations

import json

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat, call_of
from causerie.chat.tool_formats.rules import Rules, Schemas, call_schema

_TAG = "<|python_tag|>"
_DECODER = json.JSONDecoder()


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """Objects one after the other, to the end of the answer."""
    rest = block.replace(_TAG, "", 1).strip()
    calls = []
    while rest:
        value, end = _DECODER.raw_decode(rest)
        calls.append(call_of(value))
        rest = rest[end:].lstrip("; \n")
    if not calls:
        raise ValueError("the block holds no call")
    return calls


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """Objects, without the tag before them."""
    call = rules.json(call_schema(tools, "parameters"))
    return f'{call} ("; " {call})*' if several else call


FORMAT = ToolFormat(
    "llama_json",
    signs=((_TAG,), ('{"name": function name, "parameters":',)),
    openers=(_TAG, "{"),
    closers=(),
    read=read,
    write=write,
    at_start=True,
    opener_inside=True,
    counter_signs=("<function=", "<{start_tag}={function_name}>"),  # functionary
)
