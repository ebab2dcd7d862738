"""The blocks of one page group: how many of them a sequence needs, and which ones it needs no more. It knows positions,
and no tokens."""

from __future__ import annotations

from dataclasses import dataclass

from causerie.cache.blocks import BlockPool


@dataclass(frozen=True, slots=True)
class Group:
    """The pool of layers that look back `window` positions, to the beginning where it is None. A step brings at most
    `rows` tokens of a sequence."""

    pool: BlockPool
    window: int | None
    rows: int

    def first(self, filled: int) -> int:
        """The first block that a row at position `filled` sees, or that later ones do."""
        if self.window is None:
            return 0
        return max(0, filled - self.window + 1) // self.pool.block_size

    def end(self, filled: int, length: int) -> int:
        """How many blocks, counted from position 0, must be there before a step that goes on from `filled` in a
        sequence of `length` tokens. Those that nothing slides out of are taken for the whole sequence at once."""
        return self.pool.blocks_for(length if self.window is None else min(length, filled + self.rows))

    @property
    def span(self) -> int | None:
        """The most blocks that a sequence has at a time; None where it has all from position 0 on."""
        if self.window is None:
            return None
        size = self.pool.block_size
        return (self.window + self.rows + size - 3) // size + 1  # of window - 1 + rows positions, wherever they begin

    def most(self, first: int, length: int) -> int:
        """The most blocks that a sequence of `length` tokens, whose blocks before `first` are gone, has at a time."""
        left, span = self.pool.blocks_for(length) - first, self.span
        return left if span is None else min(left, span)

    @property
    def capacity(self) -> int | None:
        """The longest sequence that finds room when it is alone; None where any does."""
        span = self.span
        return None if span is not None and span <= self.pool.total else self.pool.total * self.pool.block_size
