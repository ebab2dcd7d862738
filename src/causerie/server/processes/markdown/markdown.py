"""Markdown of a model as HTML that is safe to show: rendered without raw HTML, code coloured, formulas kept as they are
written, then cleaned.

A model can be made to say anything, scripts included; what is not on the list does not come through. Knows no page.
"""

from __future__ import annotations

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from causerie.server.processes.markdown.maths import keep_maths

_MOST_CODE = 50_000  # characters of a block that are coloured
_TAGS = {
    *("a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p"),
    *("pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
# No pictures: they would be asked for from wherever the model says.
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    **{tag: {"class"} for tag in ("code", "div", "span", "td", "th")},
}
_ALIGNED = {"text-align:right": "r", "text-align:center": "m"}
_SCHEMES = {"http", "https", "mailto"}


def to_html(text: str) -> str:
    """The text as HTML of `_TAGS` alone."""
    return nh3.clean(
        _renderer().render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


@lru_cache(maxsize=1)
def _renderer() -> MarkdownIt:
    options = {"html": False, "linkify": False, "highlight": _coloured}
    renderer = MarkdownIt("commonmark", options).enable(["table", "strikethrough"]).disable("image")
    keep_maths(renderer)
    renderer.core.ruler.push("alignment", _align)
    return renderer


def _align(state: StateCore) -> None:
    """Cells that are to stand right or in the middle say so by a class: styles are not let through."""
    for token in state.tokens:
        style = token.attrs.pop("style", "") if token.type in ("th_open", "td_open") else ""
        if style in _ALIGNED:
            token.attrSet("class", _ALIGNED[str(style)])


def _coloured(code: str, language: str, _: str) -> str:
    """A block of code with a class on each token; "" leaves it plain."""
    if not language or len(code) > _MOST_CODE:
        return ""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return ""
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))
