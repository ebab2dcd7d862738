"""Markdown of an answer as a terminal shows it, while it streams: each character is looked at once, and drawn once.

Headings, bold, italics, code, lists and quotes get styles; blocks of code are coloured line by line. What is not one of
these stays as the model wrote it. Knows no terminal: it returns what to write, with ANSI styles.
"""

from __future__ import annotations

import re
from typing import Any

RESET = "\x1b[0m"
_STYLES = {"bold": "1", "italic": "3", "code": "36", "heading": "1;36", "quote": "2"}
_FENCE = re.compile(r" {0,3}(```+|~~~+)\s*([\w+#.-]*)[^`]*")
# What may begin a line, whole or in part: held back until it is known to be a mark or not.
_MAY_MARK = re.compile(r" {0,12}(#{0,6}|[-*+]|\d{1,3}[.)]?|>|`{0,2}|~{0,2})")
_MARK = re.compile(r"( *)(#{1,6}|[-*+]|>) ")
_MOST_HELD = 24


class MarkdownStream:
    """`feed` returns what to write for some more text; `finish` what was held back."""

    def __init__(self) -> None:
        self._line = ""  # the beginning of a line that may be a mark; of code, the line so far
        self._begins = True  # whether the next character is the first of a line
        self._marks = ""  # a run of * or ` whose length is not known yet
        self._before = " "  # the character before that run
        self._code = 0  # backticks that opened a span of code
        self._on: set[str] = set()  # styles that hold now
        self._fence = ""  # what opened the block of code
        self._lexer: Any = None

    def feed(self, text: str) -> str:
        """What to write for some more text."""
        return "".join([self._character(character) for character in text])

    def finish(self) -> str:
        """What was held back, and the end of all styles."""
        rest = self._line
        self._line = ""
        shown = self._coloured(rest) if self._fence else self._run("") + "".join(self._inline(each) for each in rest)
        return shown + self._run("") + (RESET if self._on or self._fence else "")

    def _character(self, character: str) -> str:
        if self._fence:
            return self._in_block(character)
        if self._begins:
            return self._at_line_start(character)
        if character == "\n":
            return self._end_line()
        return self._inline(character)

    # --- the beginning of a line ---

    def _at_line_start(self, character: str) -> str:
        if character == "\n":
            line, self._line = self._line, ""
            if fence := _FENCE.fullmatch(line):
                return self._open_block(fence[1], fence[2], line)
            self._begins = False
            return "".join(self._inline(each) for each in line) + self._end_line()
        self._line += character
        if _FENCE.fullmatch(self._line) or (_MAY_MARK.fullmatch(self._line) and len(self._line) < _MOST_HELD):
            return ""
        line, self._line, self._begins = self._line, "", False
        mark = _MARK.fullmatch(line)
        if mark is None:
            return "".join(self._inline(each) for each in line)
        if mark[2].startswith("#"):
            return self._turn("heading")
        if mark[2] == ">":
            return mark[1] + self._turn("quote") + "│ "
        return f"{mark[1]}• "

    def _end_line(self) -> str:
        shown = self._run("\n")
        for style in ("heading", "quote"):
            if style in self._on:
                shown += self._turn(style)
        self._begins = True
        return shown + "\n"

    # --- within a line ---

    def _inline(self, character: str) -> str:
        if character in "*`" and (not self._marks or self._marks[0] == character):
            self._marks += character
            return ""
        shown = self._run(character)
        if character in "*`":
            self._marks = character
            return shown
        self._before = character
        return shown + character

    def _run(self, after: str) -> str:
        """What the run of marks means that ended before the character `after`."""
        marks, self._marks = self._marks, ""
        if not marks:
            return ""
        if marks[0] == "`":
            if self._code in (0, len(marks)):
                self._code = 0 if self._code else len(marks)
                return self._turn("code")
            return marks
        if self._code:
            return marks
        opens, closes = not after.isspace() and after != "", not self._before.isspace()
        style = {1: ("italic",), 2: ("bold",), 3: ("bold", "italic")}.get(len(marks), ())
        on = style and all(each in self._on for each in style)
        if not style or not (closes if on else opens):
            return marks
        return "".join(self._turn(each) for each in style)

    def _turn(self, style: str) -> str:
        """Turns a style on or off; the codes of all that hold."""
        self._on ^= {style}
        codes = [_STYLES[each] for each in _STYLES if each in self._on]
        return RESET + (f"\x1b[{';'.join(codes)}m" if codes else "")

    # --- blocks of code ---

    def _open_block(self, fence: str, language: str, line: str) -> str:
        self._fence = fence
        self._lexer = _lexer(language)
        return f"\x1b[2m{line}{RESET}\n"

    def _in_block(self, character: str) -> str:
        if character != "\n":
            self._line += character
            return ""
        line, self._line = self._line, ""
        if line.strip().startswith(self._fence) and not line.strip().strip(self._fence[0]):
            self._fence, self._begins = "", True
            return f"\x1b[2m{line}{RESET}\n"
        return self._coloured(line) + "\n"

    def _coloured(self, line: str) -> str:
        if self._lexer is None or not line.strip():
            return line
        from pygments import highlight
        from pygments.formatters import TerminalFormatter

        return str(highlight(line, self._lexer, TerminalFormatter())).rstrip("\n")


def _lexer(language: str) -> Any:
    """What reads a language; None where there is no such."""
    if not language:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
