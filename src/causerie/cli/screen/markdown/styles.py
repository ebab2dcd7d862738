"""Which styles hold at a place of the text, and the ANSI codes that say so. Knows no Markdown."""

from __future__ import annotations

RESET = "\x1b[0m"
_CODES = {
    "bold": "1",
    "italic": "3",
    "strike": "9",
    "code": "36",
    "heading": "1;36",
    "quote": "2",
    "dim": "2",
    "link": "4",
    "maths": "35",
}


class Styles:
    """A set of styles that are turned on and off; `turn` gives the codes that make a terminal follow."""

    def __init__(self) -> None:
        self._on: set[str] = set()

    def __contains__(self, style: str) -> bool:
        return style in self._on

    def __bool__(self) -> bool:
        return bool(self._on)

    def turn(self, style: str) -> str:
        """Turns a style on or off; the codes of all that hold then."""
        self._on ^= {style}
        codes = [_CODES[each] for each in _CODES if each in self._on]
        return RESET + (f"\x1b[{';'.join(codes)}m" if codes else "")

    def around(self, text: str, style: str) -> str:
        """`text` with one more style."""
        return self.turn(style) + text + self.turn(style) if style not in self._on else text

    def end(self) -> str:
        """The end of all that hold."""
        shown = RESET if self._on else ""
        self._on.clear()
        return shown
