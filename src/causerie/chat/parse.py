"""From an answer's text, as it grows, to its parts: text, reasoning, calls of tools.

A state machine over text: however the stream is cut into pieces, the parts are the same when joined. What turns out
to be no call is given back as text, to the last character. Knows no model and no engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from causerie.chat.parts import Part, ReasoningPart, TextPart
from causerie.chat.reasoning import ReasoningFormat, reasoning_of
from causerie.chat.tool_formats import format_of
from causerie.chat.tool_formats.channels import Channels
from causerie.chat.tool_formats.format import ToolFormat
from causerie.chat.tool_formats.rules import Schemas


class ReplyParser(Protocol):
    """Reads one answer."""

    @property
    def thinking(self) -> bool:
        """Whether what comes now is reasoning."""
        ...

    def feed(self, text: str) -> list[Part]:
        """The parts that some more text makes certain."""
        ...

    def finish(self) -> list[Part]:
        """What was held back, once no text follows."""
        ...


@dataclass(frozen=True)
class ReplyFormat:
    """How a model writes its answers. `marks` are the tokens that may stand between the turns of its chats."""

    reasoning: ReasoningFormat | None = None
    tools: ToolFormat | None = None
    marks: frozenset[str] = frozenset()

    @staticmethod
    def of(template: str, added_tokens: Iterable[str] = ()) -> ReplyFormat:
        """By what a chat template writes, and the added tokens of the tokenizer (runs of white space are no marks)."""
        marks = frozenset(token for token in added_tokens if token.strip())
        return ReplyFormat(reasoning_of(template), format_of(template), marks)

    @property
    def channels(self) -> Channels | None:
        """What the model's answers are where they come as messages in channels."""
        return None if self.tools is None else self.tools.channels

    @property
    def around_reasoning(self) -> ReasoningFormat | None:
        """What stands around reasoning, in channels also."""
        return self.reasoning if self.channels is None else self.channels.reasoning

    def spellings(self, tools: bool) -> frozenset[str]:
        """Control tokens that must stay in the text for it to be read, with or without calls of tools."""
        marks = frozenset((self.reasoning.opener, self.reasoning.closer) if self.reasoning else ())
        if self.tools is None or not (tools or self.channels is not None):
            return marks
        return marks | self.tools.spellings

    def parser(self, prompt_tail: str = "", schemas: Schemas | None = None) -> ReplyParser:
        """A reader of one answer to a prompt with this end. Calls are looked for where `schemas` are given: those of
        the arguments of each tool that may be called."""
        if self.channels is not None:
            return ChannelParser(self.channels, prompt_tail, schemas)
        thinking = self.reasoning is not None and self.reasoning.is_open(prompt_tail, self.marks)
        return MarkedParser(self.reasoning, self.tools if schemas is not None else None, schemas or {}, thinking)


class MarkedParser:
    """Reads answers whose reasoning and calls stand between markers. White space beside a marker is nobody's."""

    def __init__(
        self, reasoning: ReasoningFormat | None, tools: ToolFormat | None, schemas: Schemas, thinking: bool
    ) -> None:
        self._reasoning = reasoning
        self._tools = tools
        self._schemas = schemas
        self.thinking = thinking
        self._rest = ""  # not yet read: the beginning of a marker, perhaps
        self._space = ""  # white space that counts only if more of the same kind follows
        self._after_marker = thinking  # white space that comes now is dropped
        self._said = False  # whether text was said that is not white space
        self._opener: str | None = None  # of the block of calls that is being read
        self._before = ""  # white space before that block
        self._block = ""

    def feed(self, text: str) -> list[Part]:
        """The parts that some more text makes certain."""
        self._rest += text
        parts: list[Part] = []
        while True:
            before, marker, self._rest = cut(self._rest, self._markers())
            parts += self._take(before)
            if marker is None:
                return _joined(parts)
            # What came before the marker in this piece may have made it mere text.
            parts += self._turn(marker) if marker in self._markers() else self._take(marker)

    def finish(self) -> list[Part]:
        """What was held back, once no text follows."""
        rest, self._rest = self._rest, ""
        parts = self._take(rest)
        if self._opener is not None:
            parts += self._close("")
        space, self._space = self._space, ""
        if space and not self.thinking:
            parts.append(TextPart(space))
        return _joined(parts)

    def _markers(self) -> tuple[str, ...]:
        if self._opener is not None:
            return self._tools.closers if self._tools else ()
        if self.thinking:
            assert self._reasoning is not None, "a model thinks without a mark of it"
            calls = self._tools.openers if self._tools and self._reasoning.holds_calls else ()
            return (self._reasoning.closer, *calls)
        markers = () if self._reasoning is None or self._said else (self._reasoning.opener,)
        if self._tools is None or (self._tools.at_start and self._said):
            return markers
        return markers + self._tools.openers

    def _take(self, text: str) -> list[Part]:
        """Text without markers, in the present state."""
        if self._opener is not None:
            self._block += text
            return []
        if self._after_marker:
            text = text.lstrip()
        content = text.rstrip()
        if not content:
            self._space += text
            return []
        whole, self._space = self._space + content, text[len(content) :]
        self._after_marker = False
        if self.thinking:
            return [ReasoningPart(whole)]
        self._said = True
        return [TextPart(whole)]

    def _turn(self, marker: str) -> list[Part]:
        """What a marker ends and begins."""
        if self._opener is not None:
            return self._close(marker)
        space, self._space = self._space, ""
        self._after_marker = True
        if self._reasoning is not None and marker in (self._reasoning.opener, self._reasoning.closer):
            self.thinking = marker == self._reasoning.opener
        else:
            self._opener, self._before = marker, space
            self._block = marker if self._tools and self._tools.opener_inside else ""
        return []

    def _close(self, closer: str) -> list[Part]:
        """The end of a block: its calls, or where it holds none the text that it is."""
        assert self._tools is not None and self._opener is not None, "a block was closed that nothing opened"
        opener, block = self._opener, self._block
        self._opener, self._block = None, ""
        try:
            return list(self._tools.read(block, self._schemas))
        except (ValueError, TypeError, MemoryError, RecursionError):
            self._said, self._after_marker = self._said or not self.thinking, False
            text = self._before + ("" if self._tools.opener_inside else opener) + block + closer
            return [ReasoningPart(text) if self.thinking else TextPart(text)]


class ChannelParser:
    """Reads answers that are messages in channels."""

    def __init__(self, channels: Channels, prompt_tail: str, schemas: Schemas | None) -> None:
        begun = prompt_tail.rfind(channels.start)
        self._channels = channels
        self._header = prompt_tail[begun:] if begun >= 0 else ""
        self._in_message = channels.message in self._header
        self._schemas = schemas
        self._rest = ""
        self._call = ""

    @property
    def thinking(self) -> bool:
        """See ReplyParser."""
        calls = self._channels.called(self._header) is not None
        return self._in_message and not calls and self._channels.reasons(self._header)

    def feed(self, text: str) -> list[Part]:
        """The parts that some more text makes certain."""
        start, message, ends = self._channels.start, self._channels.message, self._channels.ends
        self._rest += text
        parts: list[Part] = []
        while True:
            markers = (*ends, start) if self._in_message else (message, *ends)
            before, marker, self._rest = cut(self._rest, markers)
            parts += self._take(before)
            if marker is None:
                return _joined(parts)
            if marker == message:
                self._in_message = True
            else:
                parts += self._end()
                self._header = start if marker == start else ""

    def finish(self) -> list[Part]:
        """What was held back, once no text follows."""
        rest, self._rest = self._rest, ""
        parts = self._take(rest)
        if not self._in_message and self._header.strip() and self._channels.sign not in self._header:
            text = self._header.replace(self._channels.start, "", 1).removeprefix("assistant")
            return [*parts, TextPart(text)] if text else parts  # an answer without any channel
        return _joined([*parts, *self._end()])

    def _take(self, text: str) -> list[Part]:
        if not self._in_message:
            self._header += text
            return []
        if self._channels.called(self._header) is not None and self._schemas is not None:
            self._call += text
            return []
        if not text:
            return []
        return [ReasoningPart(text) if self.thinking else TextPart(text)]  # a call, too, where no tool may be called

    def _end(self) -> list[Part]:
        """The end of a message."""
        name, call = self._channels.called(self._header), self._call
        self._header, self._call, self._in_message = "", "", False
        if name is None or not call:
            return []
        try:
            return list(self._channels.read(name, call, self._schemas or {}))
        except (ValueError, TypeError, MemoryError, RecursionError):
            return [TextPart(call)]


def cut(text: str, markers: Iterable[str]) -> tuple[str, str | None, str]:
    """What comes before the first of the markers, the marker, and what follows; where none is in the text, all that can
    be no beginning of one, None, and the rest."""
    places = [(at, -len(marker), marker) for marker in markers if (at := text.find(marker)) >= 0]
    if places:
        at, _, marker = min(places)
        return text[:at], marker, text[at + len(marker) :]
    overlap = max((_overlap(text, marker) for marker in markers), default=0)
    return text[: len(text) - overlap], None, text[len(text) - overlap :]


def _overlap(text: str, marker: str) -> int:
    """The length of the longest end of the text that begins the marker."""
    for length in range(min(len(text), len(marker) - 1), 0, -1):
        if text.endswith(marker[:length]):
            return length
    return 0


def _joined(parts: list[Part]) -> list[Part]:
    """Neighbours of one kind as one."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, TextPart) and isinstance(last, TextPart):
            joined[-1] = TextPart(last.text + part.text)
        elif isinstance(part, ReasoningPart) and isinstance(last, ReasoningPart):
            joined[-1] = ReasoningPart(last.text + part.text)
        else:
            joined.append(part)
    return joined
