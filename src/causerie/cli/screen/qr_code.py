"""A text as a QR code of half blocks, two rows of it in one of the terminal. Knows no address."""

from __future__ import annotations

import io

# Black on white whatever the terminal's own colours are: cameras do not read every code that is inverted.
_COLOURS, _PLAIN = "\x1b[38;2;255;255;255;48;2;0;0;0m", "\x1b[0m"
_BORDER = 2  # modules of white around it


def qr_lines(text: str) -> list[str]:
    """The rows of the terminal that show it, all equally wide."""
    return [f"{_COLOURS}{row}{_PLAIN}" for row in _rows(text)]


def qr_width(text: str) -> int:
    """How many columns it takes."""
    return len(_rows(text)[0])


def _rows(text: str) -> list[str]:
    import segno

    drawn = io.StringIO()
    segno.make_qr(text, error="l").terminal(drawn, border=_BORDER, compact=True)
    return drawn.getvalue().splitlines()
