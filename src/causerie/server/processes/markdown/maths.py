r"""Formulas in Markdown: \(…\), \[…\], $…$ and $$…$$, drawn where they are whole and can be
read, else as they are written.

Markdown takes the backslash before a punctuation mark away and makes emphasis of what stands between underscores, which
damages TeX. A plugin for markdown-it; knows no TeX and no page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from causerie.server.processes.markdown.mathml import to_mathml

_MOST_CHARACTERS = 2_000  # of a formula within a paragraph
_MOST_LINES = 200  # of one that stands alone
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
_ALONE = ("\\[", "$$")
# As pandoc reads it, so that prices are no formulas: no space within the dollars, no digit or letter after them.
_DOLLARS = re.compile(r"(?<![\w$])\$(?![\s$])(?:\\.|[^$\\])*(?<!\s)\$(?![\w$])", re.DOTALL)
_MONEY = re.compile(r"\$\d[\d.,]*\s[^\\]*[^\W\d_]{2}[^\\]*")  # "$5 (or 4$": an amount and a word, and nothing of TeX
_SPACING = ",;:"
"""After a backslash these mean a space in TeX and nothing in Markdown, where nobody escapes them."""


def add_maths(renderer: MarkdownIt) -> None:
    """Adds the rules."""
    ended = ["paragraph", "reference", "blockquote", "list"]  # by a formula that begins
    renderer.block.ruler.before("fence", "maths", _block, {"alt": ended})
    renderer.inline.ruler.before("escape", "maths", _inline)
    renderer.add_render_rule("maths_block", _block_html)
    renderer.add_render_rule("maths_inline", _inline_html)


def _inline(state: StateInline, silent: bool) -> bool:
    """A formula within a paragraph, or a space of TeX outside of one."""
    begin = state.pos
    opening = state.src[begin : begin + 2]
    if opening[:1] not in ("\\", "$"):
        return False
    if opening[:1] == "\\" and opening[1:] and opening[1:] in _SPACING:
        end, kind = begin + 2, "text_special"
    else:
        end, kind = _end(state, begin, opening), "maths_inline"
    if not end:
        return False
    if not silent:
        token = state.push(kind, "", 0)
        token.content = token.markup = state.src[begin:end]
        token.info = "escape"
    state.pos = end
    return True


def _end(state: StateInline, begin: int, opening: str) -> int:
    """Where the formula ends that begins here; 0 where none does."""
    last = min(state.posMax, begin + _MOST_CHARACTERS)
    closing = _CLOSING.get(opening)
    if closing is not None:
        at = state.src.find(closing, begin + 3, last)
        return at + 2 if at > 0 else 0
    match = _DOLLARS.match(state.src, begin, last) if opening[:1] == "$" else None
    return match.end() if match and not _MONEY.fullmatch(match[0]) else 0


def _block(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """A formula on lines of its own. One whose opening stands alone goes, while it is not closed, to the end."""
    first = state.src[state.bMarks[begin] + state.tShift[begin] : state.eMarks[begin]]
    opening = first[:2]
    if opening not in _ALONE or state.is_code_block(begin):
        return False
    closing, alone = _CLOSING[opening], not first[2:].strip()
    after = begin
    while after < min(end, begin + _MOST_LINES):
        if after > begin and state.sCount[after] < state.blkIndent and not state.isEmpty(after):
            break  # the list item ends here
        line = first[2:] if after == begin else state.src[state.bMarks[after] : state.eMarks[after]]
        after += 1
        body, closed, rest = line.partition(closing)
        if closed:
            if rest.strip() or not (body.strip() or after > begin + 1):
                return False
            break
    else:
        closed = ""
    if not closed and not alone:
        return False
    if silent:
        return True
    state.line = after
    token = state.push("maths_block", "div", 0)
    token.content = state.getLines(begin, after, state.sCount[begin], False).rstrip()
    token.map = [begin, after]
    token.meta["whole"] = bool(closed)
    return True


def _inline_html(_: Any, tokens: Sequence[Token], place: int, *__: Any) -> str:
    formula = tokens[place].content
    marks = 1 if formula[:2] not in _CLOSING else 2
    drawn = to_mathml(formula[marks:-marks], formula[:2] in _ALONE)
    return drawn or f'<span class="maths">{escape(formula)}</span>'


def _block_html(_: Any, tokens: Sequence[Token], place: int, *__: Any) -> str:
    formula = tokens[place].content
    drawn = to_mathml(formula.strip()[2:-2], alone=True) if tokens[place].meta["whole"] else None
    return f"{drawn}\n" if drawn else f'<div class="maths">{escape(formula)}</div>\n'
