"""What the terminal shows and how: styles, the answer as it streams, and a line that says what is being waited for.

Plain text where colours are off. The model's control characters are shown, not obeyed: an answer cannot move the cursor
or set a title. Knows no chat.
"""

from __future__ import annotations

import base64
import shutil
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from causerie.cli.screen.markdown.stream import MarkdownStream
from causerie.cli.screen.wrapping import WordWrap
from causerie.errors import UsageError

_CODES = {"bold": "1", "dim": "2", "prompt": "1;32", "error": "31", "notice": "33"}
_CODES |= {"likely": "36", "open": "4;33", "unlikely": "4;31"}
_ODDS: tuple[tuple[float, str | None, str], ...] = (
    (0.8, None, "80 % or more"),
    (0.5, "likely", "50 to 80 %"),
    (0.2, "open", "20 to 50 %"),
    (0.0, "unlikely", "less"),
)
"""How likely a token is at least, its style, and the legend's words."""

# C0 but newline and tab, DEL, and C1: as the control pictures of Unicode, so that they can be seen.
_VISIBLE = (
    {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
    | {0x7F: "\u2421"}
    | dict.fromkeys(range(0x80, 0xA0), "\ufffd")
)


def visible(text: str) -> str:
    """`text` with its control characters shown instead of obeyed."""
    return text.translate(_VISIBLE)


class Screen:
    """Writes to `out`. `live` says that `out` is a terminal whose last line can be redrawn; `color` that it takes
    styles. `columns` gives its width now (default: asks the terminal)."""

    def __init__(
        self, out: TextIO, *, color: bool = False, live: bool = False, columns: Callable[[], int] | None = None
    ) -> None:
        self._out = out
        self._color = color
        self._live = live
        self._columns = columns or (lambda: shutil.get_terminal_size().columns)
        self._open_line = False
        self._aside = False  # whether what is shown is what the model says to itself
        self._wrap = WordWrap()
        self._markdown = MarkdownStream()
        self._shown: list[str] = []  # the text of the open answer
        self._widths: set[int] = set()  # how wide the terminal was while it came
        self._lock = threading.Lock()

    @property
    def rows(self) -> int | None:
        """Lines that the terminal shows at once; None where `out` is none."""
        return shutil.get_terminal_size().lines if self._live else None

    def styled(self, text: str, style: str | None) -> str:
        """`text` with the escape codes of a style, or as it is where colours are off."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self._color and style and text else text

    def line(self, text: str = "", style: str | None = None) -> None:
        """One whole line, on a line of its own; on a terminal, as many as it needs, broken between words."""
        self.end_piece()
        for part in self._parts(text):
            self._write(self.styled(part, style) + "\n")

    def aside(self, text: str) -> None:
        """Text that the model says to itself: as a piece, and dim."""
        if not self._aside:
            self.end_piece()
            self._aside = True
            self._write(self._begin_dim())
        self._piece(text)

    def piece(self, text: str) -> None:
        """Text of the model, shown at once; on a terminal, broken between words."""
        self._end_aside()
        self._piece(text)

    def scored_piece(self, text: str, probability: float) -> None:
        """Text of the model as a piece, without Markdown, marked where a token was not likely."""
        style = next((style for least, style, _ in _ODDS if probability >= least), None)
        self._end_aside()
        columns = self._columns() if self._live else None
        shown = visible(text)
        if style and not self._color:
            shown += f"[{probability:.0%}]"
        lines = shown if columns is None else self._wrap.feed(shown, columns)
        self._write(self.styled(lines, style))
        self._open_line = not shown.endswith("\n")

    def legend(self) -> None:
        """What the marks of scored pieces mean."""
        if not self._color:
            self.line("Behind each token that was less than 80 % likely stands how likely it was.", "dim")
            return
        marks = [self.styled(f" {words} ", style) for _, style, words in _ODDS]
        self._write("How likely each token was:" + "".join(marks) + "\n")

    def _end_aside(self) -> None:
        """A line stands empty between what the model says to itself and its answer."""
        if self._aside:
            self.end_piece()
            self._write("\n")

    def _piece(self, text: str) -> None:
        if text:
            shown = visible(text)
            self._write(self._layout(shown))
            self._open_line = not text.endswith("\n")
            if self._live and not self._aside:
                self._shown.append(shown)

    def _layout(self, text: str) -> str:
        """Text of the model as this terminal shows it: with styles where it takes them, broken where it has an edge."""
        columns = self._columns() if self._live else None
        if columns is not None:
            self._widths.add(columns)
        if self._color and not self._aside:
            return self._markdown.feed(text, columns)
        return text if columns is None else self._wrap.feed(text, columns)

    def end_piece(self) -> None:
        """Ends the answer's last line where it is still open. An answer whose lines are ragged, as the terminal's width
        changed while it came, is shown once more."""
        self._end_line()
        text, ragged = "".join(self._shown), len(self._widths) > 1
        self._shown, self._widths = [], set()
        if text and ragged:
            self._write(self.styled("The window has another width now; the answer in it:", "dim") + "\n")
            self._open_line = not text.endswith("\n")
            self._write(self._layout(text))
            self._end_line()
            self._widths = set()

    def _end_line(self) -> None:
        self._write(self._markdown.finish())
        self._markdown = MarkdownStream()
        if self._open_line:
            self._write("\n")
            self._open_line = False
        if self._aside:
            self._aside = False
            self._write("\x1b[0m" if self._color else "")
        self._wrap = WordWrap()

    def _begin_dim(self) -> str:
        return f"\x1b[{_CODES['dim']}m" if self._color else ""

    def clipboard(self, text: str) -> None:
        """Hands `text` to the terminal's clipboard (OSC 52). Raises UsageError where there is no terminal."""
        if not self._live:
            raise UsageError("There is no terminal here that has a clipboard.")
        coded = base64.b64encode(text.encode("utf-8", errors="replace")).decode("ascii")
        self._write(f"\x1b]52;c;{coded}\x07")

    @contextmanager
    def waiting(self, words: Callable[[], str], *, after: float) -> Iterator[Callable[[], None]]:
        """While the body runs longer than `after` seconds, a dim last line says `words()`, redrawn as they change; it
        is gone when the body ends or calls what this yields. On an `out` that is not a terminal: nothing."""
        if not self._live:
            yield lambda: None
            return
        ended = threading.Event()
        thread = threading.Thread(target=self._draw, args=(words, after, ended), daemon=True)
        thread.start()

        def end() -> None:
            ended.set()
            thread.join()

        try:
            yield end
        finally:
            end()

    def _parts(self, text: str) -> list[str]:
        if not self._live:
            return [text]
        indent = text[: len(text) - len(text.lstrip(" "))]
        width = max(20, self._columns() - 1)
        return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False) or [""]

    def _draw(self, words: Callable[[], str], after: float, ended: threading.Event) -> None:
        drawn = ""
        begun = time.monotonic()
        while not ended.wait(0.1 if drawn else max(0.01, after - (time.monotonic() - begun))):
            text = words()[: max(1, self._columns() - 1)]  # never a second line: it could not be taken back
            if text != drawn:
                self._write(f"\r\x1b[K{self.styled(text, 'dim')}")
                drawn = text
        if drawn:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        with self._lock:
            self._out.write(text)
            self._out.flush()
