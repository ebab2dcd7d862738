"""A block of code between fences: each line coloured by its language once it is whole. Knows no other Markdown."""

from __future__ import annotations

import re
from typing import Any

from causerie.cli.screen.markdown.styles import RESET

_DIM = "\x1b[2m"
FENCE = re.compile(r"( *)(```+|~~~+)\s*([\w+#.-]*)[^`]*")
"""A line that opens a block: its indent, its fence, and the language."""


class CodeBlock:
    """The block that a line matched by `FENCE` opens."""

    def __init__(self, opening: re.Match[str]) -> None:
        self._fence = opening[2]
        self._lexer = _lexer(opening[3])
        self.first_line = f"{_DIM}{opening[0]}{RESET}"

    def ends(self, line: str) -> bool:
        """Whether `line` is the fence that ends the block."""
        text = line.strip()
        return text.startswith(self._fence) and not text.strip(self._fence[0])

    def last_line(self, line: str) -> str:
        """The line that ended the block, as it is shown."""
        return f"{_DIM}{line}{RESET}"

    def colored(self, line: str) -> str:
        """One line of the code."""
        if self._lexer is None or not line.strip():
            return line
        from pygments import highlight
        from pygments.formatters import TerminalFormatter

        return str(highlight(line, self._lexer, TerminalFormatter())).rstrip("\n")


def _lexer(language: str) -> Any:
    """What reads a language; None where there is no such."""
    if not language:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
