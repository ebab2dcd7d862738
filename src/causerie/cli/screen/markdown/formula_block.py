"""A formula on lines of its own, between `\\[` and `\\]` or `$$` and `$$`. Knows no other Markdown."""

from __future__ import annotations

from typing import ClassVar

from causerie.cli.screen.markdown.maths import in_unicode

_MARGIN = "    "


class FormulaBlock:
    """`add` takes a line; `drawn` is what to show once the last one is there. `MOST` lines, for a model may never end
    one."""

    CLOSERS: ClassVar[dict[str, str]] = {"\\[": "\\]", "$$": "$$"}
    MOST = 40

    def __init__(self, opening: str) -> None:
        self._lines = [opening]
        self._closer = self.CLOSERS[opening.strip()]
        self.drawn: str | None = None

    def add(self, line: str) -> bool:
        """One more line; False where the next one begins anew, as there are too many."""
        self._lines.append(line)
        if line.rstrip().endswith(self._closer):
            inside = "\n".join(self._lines[1:]).rstrip().removesuffix(self._closer)
            self.drawn = _MARGIN + in_unicode(inside)
        return len(self._lines) < self.MOST

    @property
    def text(self) -> str:
        """The lines as they were written."""
        return "\n".join(self._lines)
