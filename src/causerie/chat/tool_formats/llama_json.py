"""Llama 3: the whole answer is {"name": …, "parameters": {…}}, perhaps after `<|python_tag|>`; `;` between several."""

from __future__ import annotations

import json

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import Schemas, ToolFormat, call_of

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


FORMAT = ToolFormat(
    "llama_json",
    signs=((_TAG,), ('{"name": function name, "parameters":',)),
    openers=(_TAG, "{"),
    closers=(),
    read=read,
    at_start=True,
    kept=True,
    wrapped=("", "", "parameters"),
)
