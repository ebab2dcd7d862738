"""MiniMax M2: calls in tags (invoke.py) between `<minimax:tool_call>` and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.chat.tool_formats.format import ToolFormat
from causerie.chat.tool_formats.invoke import invocation, reader
from causerie.chat.tool_formats.rules import Rules, Schemas

_OPENER, _CLOSER = "<minimax:tool_call>", "</minimax:tool_call>"


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """One block with a call, or several."""

    def one(name: str, schema: Mapping[str, Any]) -> str:
        return invocation(rules, "", name, schema)

    calls = rules.calls(one, tools, "" if several else None)
    opener = rules.literal(f"{_OPENER}\n")
    return f"{opener} {calls} {rules.literal(_CLOSER)}"


FORMAT = ToolFormat(
    "minimax",
    signs=((_OPENER, "<invoke name="),),
    openers=(_OPENER,),
    closers=(_CLOSER,),
    read=reader(""),
    write=write,
)
