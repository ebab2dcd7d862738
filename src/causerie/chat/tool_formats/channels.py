"""What answers are that come as messages in channels: each from its header, by which it is reasoning, text or a call.

Knows no stream; parse.py reads one with these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causerie.chat.parts import ToolCallPart
from causerie.chat.reasoning import ReasoningFormat
from causerie.chat.tool_formats.rules import Schemas


@dataclass(frozen=True)
class Channels:
    """A header goes from `start` to `message`, the message to one of `ends`; a header without `sign` is none. By its
    header a message calls a tool (`called` names it, and of that name and the text `read` has the calls, or raises
    ValueError), or `reasons`, or is text. `reasoning` is what stands around reasoning."""

    start: str
    message: str
    ends: tuple[str, ...]
    sign: str
    reasoning: ReasoningFormat
    called: Callable[[str], str | None]
    reasons: Callable[[str], bool]
    read: Callable[[str, str, Schemas], list[ToolCallPart]]
