"""Blocks of Markdown as they stream: headings, lists, quotes, rules, tables, formulas, code, and text between them.

Each character is looked at once, and drawn once: the beginning of a line is held back until it is known to be a mark or
not, a line of code until it ends, a table and a formula until all of their lines are there. What is not one of these
stays as the model wrote it. Writes through a `WordWrap`, which it tells where a line goes on that reaches the edge;
knows no terminal.
"""

from __future__ import annotations

import re

from causerie.cli.screen.markdown.code_block import FENCE, CodeBlock
from causerie.cli.screen.markdown.formula_block import FormulaBlock
from causerie.cli.screen.markdown.inline import InlineStream
from causerie.cli.screen.markdown.styles import RESET, Styles
from causerie.cli.screen.markdown.table_block import TableBlock
from causerie.cli.screen.wrapping import WordWrap

# What may begin a line, whole or in part: held back until it is known to be a mark or not.
_MAY_MARK = re.compile(
    r" {0,16}(#{0,6}|[-*+]( (\[([ xX]\]?)?)?)?|\d{1,3}[.)]?|> ?|`{0,2}|~{0,2}|-{2,}|\*{2,}|_{1,}|\\\[?|\$\$?)"
)
_MARK = re.compile(r"( *)(#{1,6}|[-*+] \[[ xX]\]|[-*+]|>|\d{1,3}[.)]) ")
_STILL_A_LIST = re.compile(r" *[-*+] (\[([ xX]\]?)?)?")
_RULE = re.compile(r" {0,3}(-{3,}|\*{3,}|_{3,})\s*")
_LONGEST_MARK = 40
_NO_TERMINAL = 80
"""Columns of a rule and a table where nothing is broken at an edge."""


class MarkdownStream:
    """`feed` returns what to write for some more text; `finish` what was held back. `columns` is how wide the terminal
    is now, None where lines are not broken."""

    def __init__(self) -> None:
        self._wrap = WordWrap()
        self._columns: int | None = None
        self._line = ""  # the beginning of a line that may be a mark; of code and of tables, the line so far
        self._begins = True  # whether the next character is the first of a line
        self._styles = Styles()
        self._inline = InlineStream(self._styles)
        self._code: CodeBlock | None = None
        self._table: TableBlock | None = None
        self._formula: FormulaBlock | None = None

    def feed(self, text: str, columns: int | None = None) -> str:
        """What to write for some more text."""
        self._columns = columns
        return "".join([self._character(character) for character in text])

    def finish(self) -> str:
        """What was held back, and the end of all styles."""
        line, self._line = self._line, ""
        if self._code is not None:
            return self._write(self._code.colored(line)) + (self._write(RESET) if line else "")
        if self._table is not None:
            if line:
                self._table.add(line)
            shown = self._end_table()
            return shown.removesuffix("\n") if line else shown
        if self._formula is not None:
            self._formula.add(line)
            return self._end_formula(self._formula.drawn or self._formula.text).removesuffix("\n")
        shown = self._whole_line(line) if self._begins and line else ""
        return shown + self._write(self._inline.end() + self._styles.end())

    def _write(self, text: str) -> str:
        return self._wrap.feed(text, self._columns) if self._columns is not None else text

    def _character(self, character: str) -> str:
        if self._code is not None:
            return self._in_code(self._code, character)
        if self._table is not None:
            return self._in_table(self._table, character)
        if self._formula is not None:
            return self._in_formula(self._formula, character)
        if self._begins:
            return self._at_line_start(character)
        if character == "\n":
            return self._end_line()
        return self._write(self._inline.feed(character))

    # --- the beginning of a line ---

    def _at_line_start(self, character: str) -> str:
        if character == "\n":
            line, self._line = self._line, ""
            if opening := FENCE.fullmatch(line):
                self._code = CodeBlock(opening)
                return self._write(self._code.first_line + "\n")
            if line.strip() in FormulaBlock.CLOSERS:
                self._formula = FormulaBlock(line)
                return ""
            return self._whole_line(line) + self._end_line()
        self._line += character
        line = self._line
        if line.lstrip(" ").startswith("|") and _indent(line) <= _LONGEST_MARK:
            self._table, self._begins = TableBlock(), False
            return ""
        if FENCE.fullmatch(line) or _RULE.fullmatch(line):
            return ""
        if _MAY_MARK.fullmatch(line) and len(line) < _LONGEST_MARK and not _task_is_known(line):
            return ""
        self._line, self._begins = "", False
        return self._begin_line(line)

    def _whole_line(self, line: str) -> str:
        """A line that ended while it could still have been a mark."""
        self._begins = False
        if _RULE.fullmatch(line):
            width = _NO_TERMINAL if self._columns is None else max(2, self._columns - 1)
            return self._write(self._styles.turn("dim") + "─" * width + self._styles.turn("dim"))
        return self._begin_line(line)

    def _begin_line(self, line: str) -> str:
        """The beginning of a line, now that it is known whether it is a mark."""
        mark = _MARK.match(line)
        return self._text(line) if mark is None else self._marked(mark[1], mark[2]) + self._text(line[mark.end() :])

    def _marked(self, indent: str, mark: str) -> str:
        """What a mark at the beginning of a line is shown as; the line goes on, past the edge, behind it."""
        if mark.startswith("#"):
            return self._write(self._styles.turn("heading"))
        if mark == ">":
            self._wrap.margin = indent + "│ "
            return self._write(indent + self._styles.turn("quote") + "│ ")
        shown = f"{mark} " if mark[0].isdigit() else {"[ ]": "☐ ", "[x]": "☑ "}.get(mark[2:].lower(), "• ")
        self._wrap.margin = " " * (len(indent) + len(shown))
        return self._write(indent + shown)

    def _text(self, text: str) -> str:
        """Text of a line, which may begin with spaces of its own: what goes past the edge stands under them."""
        if not self._wrap.margin:
            self._wrap.margin = " " * _indent(text)
        return self._write("".join([self._inline.feed(each) for each in text]))

    def _end_line(self) -> str:
        shown = self._inline.end()
        for style in ("heading", "quote"):
            if style in self._styles:
                shown += self._styles.turn(style)
        self._begins = True
        return self._write(shown + "\n")

    # --- blocks whose lines are shown whole ---

    def _in_code(self, code: CodeBlock, character: str) -> str:
        if character != "\n":
            self._line += character
            return ""
        line, self._line = self._line, ""
        if code.ends(line):
            self._code, self._begins = None, True
            return self._write(code.last_line(line) + "\n")
        self._wrap.margin = " " * (_indent(line) + 2)
        return self._write(code.colored(line) + "\n")

    def _in_table(self, table: TableBlock, character: str) -> str:
        if character != "\n":
            if character not in "| " and not self._line.strip():
                start, self._line = self._line, ""
                return self._end_table() + "".join([self._character(each) for each in start + character])
            self._line += character
            return ""
        line, self._line = self._line, ""
        if not line.strip():
            return self._end_table() + self._character("\n")
        return "" if table.add(line) else self._end_table()

    def _end_table(self) -> str:
        """The table, drawn; or its lines, where it was none."""
        table, self._table = self._table, None
        if table is None:
            return ""
        drawn = table.drawn(_NO_TERMINAL if self._columns is None else self._columns - 1)
        self._begins = True
        if drawn is not None:
            return self._write(drawn + "\n")
        self._begins = False
        return self._write("".join([self._inline.feed(each) for each in table.text])) + self._end_line()

    def _in_formula(self, formula: FormulaBlock, character: str) -> str:
        if character != "\n":
            self._line += character
            return ""
        line, self._line = self._line, ""
        going_on = formula.add(line)
        if formula.drawn is not None:
            return self._end_formula(formula.drawn)
        return "" if going_on else self._end_formula(formula.text)

    def _end_formula(self, shown: str) -> str:
        self._formula, self._begins = None, True
        return self._write(shown + "\n")


def _indent(line: str) -> int:
    """Spaces that a line begins with."""
    return len(line) - len(line.lstrip(" "))


def _task_is_known(line: str) -> bool:
    """Whether a list's mark is whole: a box behind it, or something that begins none."""
    return bool(_MARK.match(line)) and not _STILL_A_LIST.fullmatch(line)
