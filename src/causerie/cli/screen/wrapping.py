"""Breaks a stream of text between words at the right edge of a terminal, as it is written.

Knows no terminal: it returns what to write."""

from __future__ import annotations

import re
import unicodedata

TAB = 8
_PARTS = re.compile(r"\x1b\[[0-9;]*m|.", re.DOTALL)


class WordWrap:
    """What is fed comes out as it is, except that a word which reaches the edge is taken back and begun on the next
    line. The last column stays free: a cursor that waits there moves differently from terminal to terminal.

    `margin` is what stands before the rest of a line that reached the edge, until the next line of the text: the indent
    of a list's entry, the bar of a quote. One that takes half of the terminal is left out."""

    def __init__(self) -> None:
        self.margin = ""
        self._column = 0
        self._word = ""  # the word the cursor stands behind
        self._word_width = 0

    def feed(self, text: str, columns: int) -> str:
        """What to write for `text` on a terminal `columns` wide, if all that was returned before is written."""
        edge = max(2, columns - 1)
        return "".join(
            [self._character(part, edge) if len(part) == 1 else self._style(part) for part in _PARTS.findall(text)]
        )

    def _style(self, code: str) -> str:
        """An ANSI style, which takes no column; it moves with its word."""
        if self._word:
            self._word += code
        return code

    def _character(self, character: str, edge: int) -> str:
        if character == "\n":
            self.margin = ""
            return self._break(edge)
        width = TAB - self._column % TAB if character == "\t" else width_of(character)
        if character in " \t":
            if self._column + width > edge:
                return self._break(edge)  # a space at the edge: the new line is space enough
            self._column += width
            self._word, self._word_width = "", 0
            return character
        if width == 2:  # East Asian text may break between any two characters
            self._word, self._word_width = "", 0
        before = ""
        if self._column + width > edge:
            before = self._move_word(edge, width)
        self._column += width
        if width < 2:
            self._word += character
            self._word_width += width
        return before + character

    def _break(self, edge: int) -> str:
        self._word, self._word_width = "", 0
        margin, self._column = self._margin(edge)
        return f"\n{margin}"

    def _margin(self, edge: int) -> tuple[str, int]:
        width = sum(map(width_of, self.margin))
        return (self.margin, width) if width <= edge // 2 else ("", 0)

    def _move_word(self, edge: int, room: int) -> str:
        """Takes the unfinished word to a new line, where `room` more columns are needed behind it; one that fills a
        whole line is broken where it is."""
        word, width = self._word, self._word_width
        margin, indent = self._margin(edge)
        if not 0 < width < min(self._column - indent, edge - room - indent + 1):
            return self._break(edge)
        self._column = indent + width
        return f"\x1b[{width}D\x1b[K\n{margin}{word}"


def width_of(character: str) -> int:
    """Columns that a character takes: 0, 1 or 2."""
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return 0 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 1
