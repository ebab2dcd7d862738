"""Learned positions, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Positions:
    """A row for each position of a context, added to the embedding of the token there. The table begins with `offset`
    rows of no position."""

    context: int
    offset: int = 0

    @property
    def rows(self) -> int:
        """Of the table."""
        return self.context + self.offset
