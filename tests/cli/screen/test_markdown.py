"""Markdown in the terminal: what is shown, that the cut of the stream does not matter, and that no word is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.cli.screen.markdown.stream import MarkdownStream
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
        ("was ~~old~~ ~ 5", "was \x1b[0m\x1b[9mold\x1b[0m ~ 5"),
        ("a __bold__ snake_case_name", "a \x1b[0m\x1b[1mbold\x1b[0m snake_case_name"),
        ("_so_", "\x1b[0m\x1b[3mso\x1b[0m"),
        (r"\*as it is\* \n", r"*as it is* \n"),
        (
            "see [the **docs**](http://a.b)",
            "see \x1b[0m\x1b[4mthe \x1b[0m\x1b[1;4mdocs\x1b[0m\x1b[4m\x1b[0m (http://a.b)",
        ),
        ("[http://a.b](http://a.b)!", "\x1b[0m\x1b[4mhttp://a.b\x1b[0m!"),
        ("![a cat](cat.png)", "\x1b[0m\x1b[4ma cat\x1b[0m (cat.png)"),
        ("x[0] = y[1](2", "x[0] = y[1](2"),
        ("- [ ] open\n- [x] done\n- [link", "☐ open\n☑ done\n• [link"),
        ("$5 and $6, 3$ more", "$5 and $6, 3$ more"),
        (r"\begin", r"\begin"),
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
    st.sampled_from(
        [
            *"*`_|[]()$\\!",
            "**",
            "```",
            "\n",
            "# ",
            "- ",
            "> ",
            "word",
            " ",
            "1. ",
            "~~",
            "~~~",
            "é",
            "[ ] ",
            "---",
            "|-|",
            "](",
        ]
    ),
    max_size=25,
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


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\(x_{i+1} = \frac{a+b}{2}\)", "xᵢ₊₁ = (a+b)/2"),
        ("$E=mc^2$.", "E=mc²."),
        (r"$$\sqrt{2} \neq \left( \frac{1}{2} \right)$$", "√2 ≠ ( 1/2 )"),
        ("so\n\\[\n\\sum_{i=1}^{n} i\n\\]\ndone", "so\n    ∑ᵢ₌₁ⁿ i\ndone"),
        ("$$\n\\alpha\n$$", "    α"),
        (r"\[ \text{if } x \ge 0 \]", "if  x ≥ 0"),
        ("$$\nnever ended", "$$\nnever ended"),
        ("$x", "$x"),
        (r"\(x", "\\(x"),
    ],
)
def test_formulas_are_in_the_letters_of_unicode(formula: str, expected: str) -> None:
    assert plain(formula) == expected


TABLE = """| Name | Speed | Note |
|:-----|------:|:----:|
| int8 | 12.5 | **good** |
| a\\|b | 7 | one<br>two |

after"""


def test_a_table_is_drawn_with_its_alignments() -> None:
    assert plain(TABLE).split("\n") == [
        "╭──────┬───────┬──────╮",
        "│ Name │ Speed │ Note │",
        "├──────┼───────┼──────┤",
        "│ int8 │  12.5 │ good │",
        "│ a|b  │     7 │ one  │",
        "│      │       │ two  │",
        "╰──────┴───────┴──────╯",
        "",
        "after",
    ]


def test_lines_that_are_no_table_stay() -> None:
    for text in ("| a | b |\ntext", "|", "| a |\n| b |\n", "||x|| = 1\n\ny", "| a | b |\n|---|\n"):
        assert plain(text) == text


@pytest.mark.parametrize("columns", [8, 20, 40, 200])
def test_a_table_is_no_wider_than_the_terminal(columns: int) -> None:
    stream = MarkdownStream()
    lines = STYLE.sub("", stream.feed(TABLE, columns) + stream.finish()).split("\n")
    assert max(map(len, lines)) < columns


def wrapped(text: str, columns: int) -> list[str]:
    stream = MarkdownStream()
    lines: list[str] = []
    for line in (stream.feed(text, columns) + stream.finish()).split("\n"):
        # A word that was taken back is written once more on the next line.
        plain_line = STYLE.sub("", line)
        while back := re.search(r"\x1b\[(\d+)D\x1b\[K", plain_line):
            plain_line = plain_line[: back.start() - int(back[1])] + plain_line[back.end() :]
        lines.append(plain_line.rstrip())
    return lines


def test_what_reaches_the_edge_goes_on_under_its_beginning() -> None:
    assert wrapped("- one two three\n  - four five six\n10. ten eleven twelve", 14) == [
        "• one two",
        "  three",
        "  • four five",
        "    six",
        "10. ten",
        "    eleven",
        "    twelve",
    ]
    assert wrapped("> said by one of them\nnot", 14) == ["│ said by one", "│ of them", "not"]
    assert wrapped("```\n  call(first, second)\n```\nx", 18)[1:] == ["  call(first,", "    second)", "```", "x"]


def test_a_rule_is_drawn_to_the_edge() -> None:
    assert wrapped("a\n---\n***\nb", 10) == ["a", "─" * 9, "─" * 9, "b"]


@pytest.mark.parametrize("piece", ["[", "\\(", "$a", "![a](", "| a ", "*_~`", "$$", "| a\n"])
def test_marks_without_end_cost_no_more_than_their_length(piece: str) -> None:
    """Counted, not timed: each character is read a bounded number of times."""
    from causerie.cli.screen.markdown.inline import InlineStream

    reads = 0
    feed = InlineStream.feed

    def counted(self: InlineStream, character: str) -> str:
        nonlocal reads
        reads += 1
        return feed(self, character)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InlineStream, "feed", counted)
        shown(piece * 2000)
    assert reads < 40 * len(piece) * 2000


def test_styles_take_no_column() -> None:
    wrap = WordWrap()
    written = "".join(wrap.feed(part, 12) for part in ("abc de", "f \x1b[1mgh", "ijkl\x1b[0m mn"))
    lines = re.sub(r"\x1b\[\d+D\x1b\[K", "<", written)
    assert STYLE.sub("", lines) == "abc def ghi<\nghijkl mn"
