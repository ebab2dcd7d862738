r"""Formulas that a model writes: Markdown takes nothing of them away, and makes nothing of prices."""

from __future__ import annotations

import re
from html import unescape

import pytest

from causerie.server.processes.markdown.markdown import to_html

FORMULAS = (
    r"\(a^2\)",
    r"\(x^2\,dx\)",
    r"$x^2\,dx$",
    r"$\{a_1, b_2\}$",
    r"\(a * b * c\)",
    r"\(a_{1}\) and \(b_{1}\)",
    r"$$\int_0^1 x^2\,dx \; \text{_so_} \! 3$$",
    r"\[\left\{ a \\ b \right\}\]",
    "\\[\na\n=\n- b \\\\\n+ c\n\\]",
    "$$\n\\begin{aligned}\na &= b\\,c \\\\\n\n# d\n\\end{aligned}\n$$",
)


def formulas(html: str) -> list[str]:
    return [unescape(formula) for _, formula in re.findall(r'<(span|div) class="maths">(.*?)</\1>', html, re.DOTALL)]


def text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


PLACES = ("{}", "Look:\n\n{}\n\nThere.", "It is {}, *you* see.", "- a\n- {}", "**{}**", "> {}")


@pytest.mark.parametrize(
    ("formula", "around"),
    [(formula, around) for formula in FORMULAS for around in (PLACES[:2] if "\n" in formula else PLACES)],
)
def test_a_formula_keeps_every_character(formula: str, around: str) -> None:
    html = to_html(around.replace("{}", formula))
    assert [each for each in formulas(html) if each == formula or each in formula.split(" and ")]
    assert formula in text(html)


def test_a_formula_in_a_list_and_in_a_table() -> None:
    assert formulas(to_html("1. Step:\n   $$\n   a_1\n\n   b_1\n   $$\n2. $c_1$")) == ["$$\na_1\n\nb_1\n$$", "$c_1$"]
    assert formulas(to_html("|a|b|\n|-|-|\n|$x_1$|\\(y\\,z\\)|")) == ["$x_1$", "\\(y\\,z\\)"]


def test_a_formula_that_still_comes() -> None:
    assert formulas(to_html("So:\n\n\\[\nx\\,y_1\n- z")) == ["\\[\nx\\,y_1\n- z"]


def test_a_space_of_tex_outside_of_a_formula() -> None:
    assert text(to_html(r"x^2\,dx and \*plain\*")) == r"x^2\,dx and *plain*"


@pytest.mark.parametrize(
    "plain",
    [
        "It costs $5 and $6.",
        "Between $5-$10 or US$3 a $piece of it",
        "`$x$` and `\\(y\\)`",
        "$HOME and $PATH",
        "open \\",
        "$",
        "a $ b $ c",
    ],
)
def test_what_is_no_formula(plain: str) -> None:
    html = to_html(plain)
    assert not formulas(html)
    assert text(html) == plain.replace("`", "")


def test_a_formula_is_text_alone() -> None:
    html = to_html("$<script>hit()</script>$ and\n\n\\[\n<img src=x onerror=hit()>\n\\]")
    assert "<script" not in html and "<img" not in html and len(formulas(html)) == 2
