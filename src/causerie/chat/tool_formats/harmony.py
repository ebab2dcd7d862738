"""GPT-OSS: an answer is messages in channels, each from its header to `<|end|>`, `<|call|>` or `<|return|>`.

`<|channel|>analysis<|message|>` is reasoning, `final` is text, and a header with to=functions.NAME is a call whose
arguments are the message. Reading it is harmony's own affair: parse.py hands the whole text over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.reasoning import ReasoningFormat
from causerie.chat.tool_formats.channels import Channels
from causerie.chat.tool_formats.format import ToolFormat, arguments_text
from causerie.chat.tool_formats.rules import Rules, Schemas

START, CHANNEL, MESSAGE = "<|start|>", "<|channel|>", "<|message|>"
ENDS = ("<|end|>", "<|call|>", "<|return|>")
_CALLED = re.compile(r"to=(?:functions\.)?([^\s<]+)")
_CHANNEL = re.compile(re.escape(CHANNEL) + r"\s*(\w+)")


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """A block of harmony is never handed out."""
    raise ValueError("harmony has no blocks of calls")


def called(header: str) -> str | None:
    """The function that a header addresses."""
    match = _CALLED.search(header)
    return None if match is None else match.group(1)


def reasons(header: str) -> bool:
    """Whether a message with this header, which calls nothing, is reasoning."""
    channel = _CHANNEL.search(header)
    return channel is not None and channel.group(1) == "analysis"


def read_message(name: str, text: str, _: Schemas) -> list[ToolCallPart]:
    """The call of a message to a function, whose text is its arguments. Raises ValueError."""
    return [ToolCallPart(name, arguments_text(text))]


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
    channels=Channels(
        START,
        MESSAGE,
        ENDS,
        sign=CHANNEL,
        reasoning=ReasoningFormat(f"{CHANNEL}analysis{MESSAGE}", ENDS[0]),
        called=called,
        reasons=reasons,
        read=read_message,
    ),
)
