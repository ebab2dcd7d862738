"""Markdown of a model as HTML that is safe to show: rendered without raw HTML, code coloured, formulas drawn, cleaned.

Knows no page.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from causerie.server.processes.markdown.cleaning import clean
from causerie.server.processes.markdown.maths import add_maths
from causerie.server.processes.markdown.tables import align_cells

_MOST_CODE = 50_000  # characters of a block that are coloured


def to_html(text: str) -> str:
    """The text as HTML of harmless tags alone."""
    return clean(_renderer().render(text))


@lru_cache(maxsize=1)
def _renderer() -> MarkdownIt:
    options = {"html": False, "linkify": False, "highlight": _coloured}
    renderer = MarkdownIt("commonmark", options).enable(["table", "strikethrough"]).disable("image")
    # A note within a sentence, ^[so], would take the exponents of formulas that are written without marks.
    footnote_plugin(renderer, inline=False)
    renderer.add_render_rule("footnote_caption", _note_number)
    tasklists_plugin(renderer, label=True)
    add_maths(renderer)
    renderer.core.ruler.push("alignment", align_cells)
    return renderer


def _note_number(_: Any, tokens: list[Token], place: int, *__: Any) -> str:
    return str(tokens[place].meta["id"] + 1)


def _coloured(code: str, language: str, _: str) -> str:
    """A block of code with a class on each token; "" leaves it plain."""
    if not language or len(code) > _MOST_CODE:
        return ""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return ""
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))
