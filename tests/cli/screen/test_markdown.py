"""Markdown in the terminal: what is shown, that the cut of the stream does not matter, and that no word is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.cli.screen.markdown import MarkdownStream
from causerie.cli.screen.wrapping import WordWrap

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def shown(text: str, size: int = 1000) -> str:
    stream = MarkdownStream()
    parts = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join(parts) + stream.finish()


def plain(text: str) -> str:
    return STYLE.sub("", shown(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text\n", "plain text\n"),
        ("a **bold** b", "a \x1b[0m\x1b[1mbold\x1b[0m b"),
        ("an *italic* one", "an \x1b[0m\x1b[3mitalic\x1b[0m one"),
        ("run `ls -l **x**` now", "run \x1b[0m\x1b[36mls -l **x**\x1b[0m now"),
        ("# Title\ntext", "\x1b[0m\x1b[1;36mTitle\x1b[0m\ntext"),
        ("- one\n- two", "• one\n• two"),
        ("  * deep", "  • deep"),
        ("> said", "\x1b[0m\x1b[2m│ said\x1b[0m"),
        ("1. first", "1. first"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("a_b_c and 5 - 3", "a_b_c and 5 - 3"),
        ("#hashtag", "#hashtag"),
        ("-5 degrees", "-5 degrees"),
        ("**not closed", "\x1b[0m\x1b[1mnot closed\x1b[0m"),
        ("**", "**"),
        ("*", "*"),
        ("a ``b ` c`` d", "a \x1b[0m\x1b[36mb ` c\x1b[0m d"),
    ],
)
def test_what_is_shown(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_block_of_code_is_coloured_and_kept() -> None:
    text = "Look:\n```python\ndef f(x):\n    return **x\n```\nDone **now**.\n"
    screen = shown(text)
    assert STYLE.sub("", screen) == "Look:\n```python\ndef f(x):\n    return **x\n```\nDone now.\n"
    assert re.search(r"\x1b\[\d+(;\d+)?mdef", screen)
    assert plain("```\n# not a heading\n- not a list") == "```\n# not a heading\n- not a list"
    assert plain("~~~nolanguage\nx\n~~~\n") == "~~~nolanguage\nx\n~~~\n"


MARKS = st.lists(
    st.sampled_from(["*", "**", "`", "```", "\n", "# ", "- ", "> ", "word", " ", "1. ", "~~~", "é", "_"]), max_size=25
).map("".join)


@given(MARKS, st.integers(1, 4))
def test_the_cut_of_the_stream_does_not_matter(text: str, size: int) -> None:
    assert shown(text, size) == shown(text)


@given(MARKS)
def test_no_word_is_lost_and_styles_end(text: str) -> None:
    screen = shown(text)
    letters = [each for each in STYLE.sub("", screen) if each.isalnum()]
    assert letters == [each for each in text if each.isalnum()]
    codes = STYLE.findall(screen)
    assert not codes or codes[-1] == "\x1b[0m"


def test_styles_take_no_column() -> None:
    wrap = WordWrap()
    written = "".join(wrap.feed(part, 12) for part in ("abc de", "f \x1b[1mgh", "ijkl\x1b[0m mn"))
    lines = re.sub(r"\x1b\[\d+D\x1b\[K", "<", written)
    assert STYLE.sub("", lines) == "abc def ghi<\nghijkl mn"
