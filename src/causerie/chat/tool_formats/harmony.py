"""GPT-OSS: an answer is messages in channels, each from its header to `<|end|>`, `<|call|>` or `<|return|>`.

`<|channel|>analysis<|message|>` is reasoning, `final` is text, and a header with to=functions.NAME is a call whose
arguments are the message. Reading it is harmony's own affair: parse.py hands the whole text over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import Part, ReasoningPart, TextPart, ToolCallPart
from causerie.chat.reasoning import ReasoningFormat
from causerie.chat.tool_formats.format import ToolFormat, arguments_text
from causerie.chat.tool_formats.rules import Rules, Schemas

START, CHANNEL, MESSAGE = "<|start|>", "<|channel|>", "<|message|>"
ENDS = ("<|end|>", "<|call|>", "<|return|>")
REASONING = ReasoningFormat(f"{CHANNEL}analysis{MESSAGE}", ENDS[0])
_CALLED = re.compile(r"to=(?:functions\.)?([^\s<]+)")
_CHANNEL = re.compile(re.escape(CHANNEL) + r"\s*(\w+)")


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """A block of harmony is never handed out."""
    raise ValueError("harmony has no blocks of calls")


def called(header: str) -> str | None:
    """The function that a header addresses."""
    match = _CALLED.search(header)
    return None if match is None else match.group(1)


def part_of(header: str, text: str) -> Part:
    """What some text of a message with this header is; a call's is the whole of it. Raises ValueError for a call
    without arguments."""
    name = called(header)
    if name is not None:
        return ToolCallPart(name, arguments_text(text))
    channel = _CHANNEL.search(header)
    return ReasoningPart(text) if channel is not None and channel.group(1) == "analysis" else TextPart(text)


def write(rules: Rules, tools: Schemas, _: bool) -> str:
    """Perhaps an analysis, then one call; the token that ends a call ends the answer."""
    thought = f"{rules.literal(f'{CHANNEL}analysis{MESSAGE}')} {rules.text_to(f'<|end|>{START}')} "
    constrained = f'({rules.literal(" <|constrain|>")} "json" | " json")?'

    def one(name: str, schema: Mapping[str, Any]) -> str:
        to = f" to=functions.{name}"
        after = f"{rules.literal(f'{CHANNEL}commentary{to}')} {constrained}"  # as models write it
        before = f"{rules.literal(f'{to}{CHANNEL}commentary')} {constrained}"  # as the template does
        return f"({after} | {before}) {rules.literal(MESSAGE)} {rules.json({'type': 'object', **schema})}"

    return f'({thought} "assistant")? {rules.calls(one, tools, None)}'


FORMAT = ToolFormat(
    "harmony",
    signs=((CHANNEL, MESSAGE),),
    openers=(CHANNEL,),
    closers=(),
    read=read,
    write=write,
    markers=(START, MESSAGE, "<|constrain|>", *ENDS),
)
