"""Tables, tasks and notes of Markdown, and that nothing comes through that is not on the list."""

from __future__ import annotations

import re

import pytest

from causerie.server.processes.markdown.markdown import to_html
from tests.page.hostile import PAYLOADS


def classes(html: str) -> list[list[str]]:
    rows = [re.findall(r"<t[hd](?: class=\"([^\"]*)\")?>", row) for row in html.split("<tr>")[1:]]
    assert len({tuple(row) for row in rows}) == 1, "each row of a table is aligned alike"
    return rows[0]


@pytest.mark.parametrize(
    ("rule", "cells", "aligned"),
    [
        ("---", ("1,500 g", "70 %"), "r n"),
        ("---", ("**12**", "–"), "r n"),
        ("---", ("-3.5", "$5"), "r n"),
        ("---", ("12", "twelve"), ""),
        ("---", ("2026-11-30", "2026-12-01"), ""),
        ("---", ("–", ""), ""),
        (":--", ("12", "13"), "n"),
        (":-:", ("12", "13"), "m n"),
        (":-:", ("a", "b"), "m"),
        ("--:", ("a", "b"), "r"),
    ],
)
def test_how_a_column_stands(rule: str, cells: tuple[str, str], aligned: str) -> None:
    table = f"| Name | Head |\n|---|{rule}|\n| a | {cells[0]} |\n| b | {cells[1]} |"
    assert classes(to_html(table)) == ["", aligned]


def test_tasks_are_boxes_that_cannot_be_ticked() -> None:
    html = to_html("- [ ] open\n- [x] *done*\n- [y] no task")
    boxes = re.findall(r"<label><input ([^>]*)> (.*)</label>", html)
    assert [(set(attributes.split()), words) for attributes, words in boxes] == [
        ({'type="checkbox"', 'disabled=""'}, "open"),
        ({'type="checkbox"', 'disabled=""', 'checked="checked"'}, "<em>done</em>"),
    ]
    assert "[y] no task" in html


def test_notes_and_where_they_are_named_lead_to_each_other() -> None:
    html = to_html("A[^b], again[^b], another[^2], none[^3].\n\n[^b]: *First*.\n[^2]: Second.")
    ends = re.findall(r' id="([^"]*)"', html)
    assert sorted(ends) == ["fn1", "fn2", "fnref1", "fnref1:1", "fnref2"]
    assert sorted(re.findall(r'href="#([^"]*)"', html)) == ["fn1", "fn1", "fn2", "fnref1", "fnref1:1", "fnref2"]
    assert "none[^3]" in html and "<em>First</em>" in html


def test_what_comes_through_of_hostile_texts_is_harmless() -> None:
    """In prose and within formulas."""
    texts = [*PAYLOADS, *(f"$\\text{{{each}}}$ and \\[ {each} \\]" for each in PAYLOADS)]
    html = to_html("\n\n".join(texts))
    assert "<math" in html
    attributes = re.findall(r"<[a-z0-9]+((?: [a-z]+(?:=\"[^\"]*\")?)*)>", html)
    names = {name for some in attributes for name in re.findall(r" ([a-z]+)", re.sub(r'"[^"]*"', "", some))}
    assert not [name for name in names if name.startswith("on") or name in {"style", "src", "srcdoc", "action"}]
    assert not re.search(r"<(script|style|img|iframe|svg|object|embed|form|link|meta|base|mglyph|annotation)", html)
    links = re.findall(r'<a [^>]*href="([^"]*)"', html)
    assert links and not [link for link in links if re.match(r"(?!https?:|mailto:)[^/?#]*:", link)]
