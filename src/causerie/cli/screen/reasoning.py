"""What a model says to itself, on the screen: dim as it comes, or folded to one line. Knows no model and no chat."""

from __future__ import annotations

from causerie.cli.screen.screen import Screen

_DOT = 200  # characters of folded reasoning for each dot that shows that it goes on


class Reasoning:
    """The reasoning of the last answer. `folded` says how the next ones are shown."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.folded = False
        self.text = ""
        self._open = False  # whether a folded one is still being counted

    def begin(self) -> None:
        """A new answer."""
        self.text, self._open = "", False

    def piece(self, text: str) -> None:
        """Shows some more of it."""
        before = len(self.text)
        self.text += text
        if not self.folded:
            self._screen.aside(text)
            return
        if not self._open:
            self._open = True
            self._screen.aside("Reasoning ")
        self._screen.aside("." * (len(self.text) // _DOT - before // _DOT))

    def end(self) -> None:
        """Says how much was folded, once something else follows; any number of times."""
        if self._open:
            self._open = False
            self._screen.aside(f" {len(self.text.split())} words; /reasoning shows them")

    def show(self) -> bool:
        """Shows all of it; False where there is none."""
        if self.text:
            self._screen.aside(self.text)
            self._screen.end_piece()
        return bool(self.text)
