"""What stands within a line: bold, italics, strike-through, code, links, formulas, and marks that mean themselves.

Each character is looked at once. What may turn out to be a mark is held back until that is known, a link or a formula
until it ends; past a line's end or `_LONGEST` characters it was none. Knows no blocks.
"""

from __future__ import annotations

import re

from causerie.cli.screen.markdown.maths import in_unicode
from causerie.cli.screen.markdown.styles import Styles

_RUNS = "*`~_"
_BY_RUN = {
    "*": ("italic",), "**": ("bold",), "***": ("bold", "italic"),
    "_": ("italic",), "__": ("bold",), "___": ("bold", "italic"), "~~": ("strike",),
}  # fmt: skip
_ESCAPED = set("\\`*_{}[]()#+-.!~>|$<\"'&")
_LONGEST = 400
_LINK = re.compile(r"(!?)\[([^\[\]\n]*)\]\(\s*<?([^)\s>]*)>?(?:\s+[\"'][^)]*)?\)")
_MAYBE_LINK = re.compile(r"!?\[[^\[\]\n]*(\](\([^)\n]*\)?)?)?")
_WHOLE_FORMULA = re.compile(r"\$[^$\s\d]([^$]*[^$\s])?\$")
_CLOSERS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}


class InlineStream:
    """`feed` takes one character; `end` ends what is open, as at the end of a line. `links` says whether links,
    formulas and escaped marks are looked for: not within a link's own words."""

    def __init__(self, styles: Styles, *, links: bool = True) -> None:
        self._styles = styles
        self._openers = "[!\\$" if links else ""
        self._run = ""  # marks of one kind whose number is not known yet
        self._before = " "  # the character before what is held back
        self._code = 0  # backticks that opened a span of code
        self._candidate = ""  # what may be a link, a formula or an escaped mark

    def feed(self, character: str) -> str:
        """What to write for one more character of a line."""
        if self._candidate:
            return self._hold(character)
        if character in _RUNS and (not self._run or self._run[0] == character):
            self._run += character
            return ""
        shown = self._end_run(character)
        if character in _RUNS:
            self._run = character
            return shown
        if not self._code and character in self._openers:
            self._candidate = character
            return shown
        return shown + self._plain(character)

    def end(self) -> str:
        """What was held back, at the end of a line."""
        shown = self._release()
        while self._candidate:
            shown += self._release()
        return shown + self._end_run("\n")

    def _plain(self, text: str) -> str:
        if text:
            self._before = text[-1]
        return text

    # --- links, formulas and escaped marks ---

    def _hold(self, character: str) -> str:
        candidate = self._candidate + character
        if candidate[0] == "\\" and len(candidate) == 2 and character not in "([":
            self._candidate = ""
            return self._plain(character) if character in _ESCAPED else self._plain("\\") + self.feed(character)
        if candidate[0] in "\\$":
            return self._hold_formula(candidate)
        self._candidate = candidate
        if character == ")" and (link := _LINK.fullmatch(candidate)):
            self._candidate = ""
            return self._link(link)
        if _MAYBE_LINK.fullmatch(candidate):
            return self._bounded()
        return self._release()

    def _hold_formula(self, candidate: str) -> str:
        self._candidate = candidate
        if candidate == "$$":
            return ""
        closer = _CLOSERS.get(candidate[:2])
        if closer is None:
            return self._hold_dollar(candidate)
        inside = candidate[2:]
        if inside.endswith(closer) and inside != closer:
            return self._formula(inside[: -len(closer)])
        return self._bounded()

    def _bounded(self) -> str:
        """Waits for more, unless what is held back is too long to be a mark: then it is plain words."""
        if len(self._candidate) < _LONGEST:
            return ""
        words, self._candidate = self._candidate, ""
        return self._plain(words)

    def _hold_dollar(self, candidate: str) -> str:
        """`$x$` is a formula; `$5 and $6` is money: no space inside of the marks, and no digit behind the second."""
        if candidate[1].isspace() or candidate[1].isdigit():
            return self._release()
        closed = candidate.find("$", 2)
        if closed < 0:
            return self._bounded()
        if candidate[closed - 1].isspace():
            return self._release()
        if closed == len(candidate) - 1:
            return ""  # the next character tells
        if candidate[-1].isdigit():
            return self._release()
        shown = self._formula(candidate[1:closed])
        return shown + self.feed(candidate[-1])

    def _formula(self, inside: str) -> str:
        self._candidate = ""
        return self._plain(self._styles.around(in_unicode(inside), "maths"))

    def _link(self, link: re.Match[str]) -> str:
        text, address = link[2], link[3]
        shown = self._styles.turn("link") + self._spelled(text or address) + self._styles.turn("link")
        return self._plain(shown if address in ("", text) else f"{shown} ({address})")

    def _spelled(self, text: str) -> str:
        """A link's words, with the marks among them."""
        inner = InlineStream(self._styles, links=False)
        return "".join([inner.feed(each) for each in text]) + inner.end()

    def _release(self) -> str:
        """What was held back is no mark after all: its first character is itself, the others are read anew."""
        if not self._candidate:
            return ""
        if _WHOLE_FORMULA.fullmatch(self._candidate):  # its second mark is the last character of the line
            return self._formula(self._candidate[1:-1])
        rest, self._candidate = self._candidate, ""
        first = "$$" if rest.startswith("$$") else rest[0]
        return self._plain(first) + "".join([self.feed(each) for each in rest[len(first) :]])

    # --- runs of marks ---

    def _end_run(self, after: str) -> str:
        """What the run of marks means that ended before the character `after`."""
        marks, self._run = self._run, ""
        if not marks:
            return ""
        if marks[0] == "`":
            if self._code in (0, len(marks)):
                self._code = 0 if self._code else len(marks)
                return self._styles.turn("code")
            return marks
        if self._code:
            return marks
        styles = _BY_RUN.get(marks, ())
        on = bool(styles) and all(each in self._styles for each in styles)
        if not styles or not (self._closes(marks, after) if on else self._opens(marks, after)):
            return self._plain(marks)
        return "".join([self._styles.turn(each) for each in styles])

    def _opens(self, marks: str, after: str) -> bool:
        return not after.isspace() and not (marks[0] == "_" and self._before.isalnum())

    def _closes(self, marks: str, after: str) -> bool:
        return not self._before.isspace() and not (marks[0] == "_" and after.isalnum())
