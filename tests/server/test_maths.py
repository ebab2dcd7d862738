r"""Formulas that a model writes: drawn as MathML or kept as they are, and nothing is made of prices."""

from __future__ import annotations

import re
from html import unescape

import pytest

from causerie.server.processes.markdown.markdown import to_html
from causerie.server.processes.markdown.mathml import to_mathml

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
MARKS = r"^(\\\(|\\\[|\$\$?)|(\\\)|\\\]|\$\$?)$"


def formulas(html: str) -> list[str]:
    """The TeX of each formula, whether it is drawn or kept, without its marks."""
    either = re.findall(r'<math alttext="([^"]*)"|<(?:span|div) class="maths">(.*?)</(?:span|div)>', html, re.DOTALL)
    return [re.sub(MARKS, "", unescape(drawn or written)).strip() for drawn, written in either]


def text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


def kept(html: str) -> list[str]:
    """The formulas that are shown as they were written."""
    return [unescape(each) for _, each in re.findall(r'<(span|div) class="maths">(.*?)</\1>', html, re.DOTALL)]


PLACES = ("{}", "Look:\n\n{}\n\nThere.", "It is {}, *you* see.", "- a\n- {}", "**{}**", "> {}")


@pytest.mark.parametrize(
    ("formula", "around"),
    [(formula, around) for formula in FORMULAS for around in (PLACES[:2] if "\n" in formula else PLACES)],
)
def test_a_formula_keeps_every_character(formula: str, around: str) -> None:
    parts = [re.sub(MARKS, "", part).strip() for part in formula.split(" and ")]
    assert formulas(to_html(around.replace("{}", formula))) == parts


def test_a_formula_in_a_list_and_in_a_table() -> None:
    assert formulas(to_html("1. Step:\n   $$\n   a_1\n\n   b_1\n   $$\n2. $c_1$")) == ["a_1\n\nb_1", "c_1"]
    assert formulas(to_html("|a|b|\n|-|-|\n|$x_1$|\\(y\\,z\\)|")) == ["x_1", "y\\,z"]


def test_a_formula_that_still_comes_is_kept_until_it_is_whole() -> None:
    comes = "So:\n\n\\[\nx\\,y_1\n- z"
    assert kept(to_html(comes)) == ["\\[\nx\\,y_1\n- z"]
    assert not kept(to_html(comes + "\n\\]")) and "<math" in to_html(comes + "\n\\]")


def test_a_space_of_tex_outside_of_a_formula() -> None:
    assert text(to_html(r"x^2\,dx and \*plain\*")) == r"x^2\,dx and *plain*"


@pytest.mark.parametrize(
    "plain",
    [
        "It costs $5 and $6.",
        "It costs $5 (or 4$).",
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
    html = to_html("$<script>hit()</script>$ and\n\n\\[\n<img src=x onerror=hit()>\n\\] $\\text{<img src=x>}$")
    assert "<script" not in html and "<img" not in html and len(formulas(html)) == 3


@pytest.mark.parametrize(
    ("tex", "alone", "shape"),
    [
        (r"\frac{a}{b}", False, "mfrac mi mi"),
        (r"\sum_{i=1}^n i", True, "munderover mo mrow mi mo mn mi mi"),
        (r"a \\ b", True, "mtable mtr mtd mi mtr mtd mi"),
        (r"x \tag{3}", True, "mtable mtr mtd mtd mi mtd mtext"),
        (r"\begin{align} a &= b \end{align}", True, "mtable mtr mtd mtd mi mtd mo mi mtd"),
        (r"\cancel{x}", False, "mrow mi"),
    ],
)
def test_what_is_drawn(tex: str, alone: bool, shape: str) -> None:
    drawn = to_mathml(tex, alone)
    assert drawn is not None and ('display="block"' in drawn) is alone
    assert re.findall(r"<(m\w+)", drawn)[1:] == shape.split()


def test_alignment_comes_as_classes() -> None:
    html = to_html("$$\n\\begin{aligned} a &= b \\end{aligned}\n$$")
    assert '<mtd class="m-right m-ends">' in html and " style=" not in html


@pytest.mark.parametrize("unread", [r"\frac{1}", r"\oddmacro{x}", "{" + r"\sqrt{" * 90 + "}" * 91, "x" * 5000])
def test_what_cannot_be_read_or_is_too_much_stays_as_it_is_written(unread: str) -> None:
    assert kept(to_html(f"$$\n{unread}\n$$")) == [f"$$\n{unread}\n$$"]


def test_a_formula_that_grows_by_its_own_commands_ends() -> None:
    assert to_mathml(r"\def\a{\b\b}\def\b{\a\a}\a", alone=False) is None
    long = r"\newcommand{\a}{" + "x" * 3000 + "}" + r"\a" * 90
    assert to_mathml(long, alone=False) is None


def test_a_formula_pushes_nothing_aside() -> None:
    html = to_html(r"$\hspace{900em} \raisebox{90em}{x} \kern-100em \quad$")
    assert re.findall(r'(?:width|voffset|style|class)="[^"]*"', html) == ['width="1em"']
