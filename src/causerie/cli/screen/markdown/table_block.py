"""A table: its lines are kept until the last one is there, and then drawn, as the widths of columns hang on all.

Knows how a row is written, and has `rich` draw it. Lines that began as a table's and are none come out as they were.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import Literal

from causerie.cli.screen.markdown.inline import InlineStream
from causerie.cli.screen.markdown.styles import Styles

_BETWEEN = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_RULE = re.compile(r":?-+:?")
_NARROWEST = 20

Alignment = Literal["left", "center", "right"]


class TableBlock:
    """`add` takes a line; `drawn` is what all of them show. `MOST` lines, for a model may never end one."""

    MOST = 500

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: str) -> bool:
        """One more line; False where the next one begins anew, as there are too many."""
        self._lines.append(line)
        return len(self._lines) < self.MOST

    def drawn(self, columns: int) -> str | None:
        """The table, `columns` wide at most, its last line not ended; None where the lines are no table."""
        rows = [_cells(line) for line in self._lines]
        if len(rows) < 2 or not all(_RULE.fullmatch(cell) for cell in rows[1]) or len(rows[0]) != len(rows[1]):
            return None
        return _drawn(rows[0], [_alignment(cell) for cell in rows[1]], rows[2:], columns)

    @property
    def text(self) -> str:
        """The lines as they were written."""
        return "\n".join(self._lines)


def _cells(line: str) -> list[str]:
    inside = line.strip().removeprefix("|")
    if inside.endswith("|") and not inside.endswith("\\|"):
        inside = inside[:-1]
    return [cell.strip() for cell in _BETWEEN.split(inside)]


def _alignment(rule: str) -> Alignment:
    if rule.endswith(":"):
        return "center" if rule.startswith(":") else "right"
    return "left"


def _drawn(head: list[str], alignments: list[Alignment], rows: list[list[str]], columns: int) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.ROUNDED, border_style="dim", header_style="bold", show_lines=False)
    for cell, alignment in zip(head, alignments, strict=True):
        table.add_column(Text.from_ansi(_styled(cell)), justify=alignment, overflow="fold")
    for row in rows:
        cells = [*row, *[""] * len(head)][: len(head)]
        table.add_row(*[Text.from_ansi(_styled(cell)) for cell in cells])
        # A row with more cells than the head has keeps them, in a line of its own under it.
        if more := row[len(head) :]:
            table.add_row(Text.from_ansi(_styled(" | ".join(more))))
    out = StringIO()
    width = max(_NARROWEST, columns)
    console = Console(file=out, width=width, force_terminal=True, color_system="standard", legacy_windows=False)
    console.print(table, end="")
    return out.getvalue().rstrip("\n")


def _styled(cell: str) -> str:
    """A cell with the marks within it, and its breaks as lines."""
    styles = Styles()
    inline = InlineStream(styles)
    text = _BREAK.sub("\n", cell)
    return "".join([inline.feed(each) for each in text]) + inline.end() + styles.end()
