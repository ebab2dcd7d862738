"""Words are not broken at the edge, and nothing is lost; judged on a terminal of a few lines of Python."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from causerie.cli.screen.wrapping import WordWrap, width_of


class Paper:
    """A terminal that knows text, newline, cursor left and clear to the end of line; it fails past its last column."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[list[str]] = [[]]  # one entry for each column; "" behind a wide character
        self.column = 0

    def write(self, text: str) -> None:
        for part in re.findall(r"\x1b\[\d*[DK]|.", text, re.DOTALL):
            if part == "\n":
                self.lines.append([])
                self.column = 0
            elif part == "\x1b[K":
                del self.lines[-1][self.column :]
            elif part.startswith("\x1b["):
                self.column -= int(part[2:-1])
                assert self.column >= 0
            else:
                self._put(part)

    def _put(self, character: str) -> None:
        width = width_of(character)
        if width == 0:
            self.lines[-1][-1] += character
            return
        self.lines[-1] += [character, ""][:width]
        self.column += width
        assert self.column < self.columns

    def text(self) -> list[str]:
        return ["".join(line) for line in self.lines]


def shown(pieces: list[str], columns: int) -> list[str]:
    wrap, paper = WordWrap(), Paper(columns)
    for piece in pieces:
        paper.write(wrap.feed(piece, columns))
    return paper.text()


def test_words_go_to_the_next_line_whole() -> None:
    assert shown(["The quick br", "own fox ju", "mps over"], 11) == ["The quick ", "brown fox ", "jumps over"]


def test_a_word_longer_than_a_line_is_broken() -> None:
    assert shown(["a ", "b" * 12], 9) == ["a ", "bbbbbbbb", "bbbb"]


def test_lines_of_the_text_stay() -> None:
    assert shown(["one\n\ntwo ", "three\n"], 20) == ["one", "", "two three", ""]


def test_wide_characters_break_anywhere_and_marks_take_no_room() -> None:
    assert shown(["日本語日本語"], 8) == ["日本語", "日本語"]
    assert shown(["e\u0301" * 7], 8) == ["e\u0301" * 7]


def test_a_margin_stands_before_the_rest_of_a_line() -> None:
    wrap, paper = WordWrap(), Paper(12)
    wrap.margin = "  "
    paper.write(wrap.feed("one two three four\nfive six seven", 12))
    assert paper.text() == ["one two ", "  three ", "  four", "five six ", "seven"]


CHARACTERS = st.sampled_from([*"abc  \nde日", "e\u0301"])
PIECES = st.lists(st.lists(CHARACTERS, max_size=9).map("".join), max_size=12)


@given(PIECES.map(lambda pieces: ["x", *pieces]), st.integers(4, 30))
def test_nothing_is_lost_and_short_words_stay_whole(pieces: list[str], columns: int) -> None:
    lines, text = shown(pieces, columns), "".join(pieces)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    words = {word for line in lines for word in line.split()}
    for word in text.split():
        if not any(width_of(character) == 2 for character in word) and len(word) < columns - 1:
            assert word in words


@given(PIECES.map(lambda pieces: ["x", *pieces]), st.integers(4, 30))
def test_the_cut_of_the_pieces_does_not_matter(pieces: list[str], columns: int) -> None:
    assert shown(pieces, columns) == shown(["".join(pieces)], columns) == shown(list("".join(pieces)), columns)
