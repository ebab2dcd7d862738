"""The texts that one model has read, in blocks of its own: for a model that reads other tokens than the one it guesses
for, so that the other's blocks say nothing of its own.

A request's text is read further as it grows. Once the request has ended it stays, until its blocks are needed. A text
that begins as another does shares that one's blocks, up to the first that it would write to. It knows tokens and
blocks; no model, and not what tokens mean.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from causerie.cache.blocks import BlockPool

_MOST_ENDED = 16  # texts of ended requests that are remembered, and compared with one that begins


@dataclass(slots=True)
class OwnText:
    """One text as far as it is read, and where."""

    tokens: array[int] = field(default_factory=lambda: array("i"))
    table: array[int] = field(default_factory=lambda: array("i"))

    def common(self, tokens: Sequence[int]) -> int:
        """How many of these tokens, from the first on, it begins with."""
        length = min(len(self.tokens), len(tokens))
        differs = np.array(self.tokens[:length], np.int32) != np.array(tokens[:length], np.int32)
        return int(differs.argmax()) if differs.any() else length


class OwnTexts:
    """Those of one model, in `blocks` blocks of `size` positions."""

    def __init__(self, blocks: int, size: int) -> None:
        self.pool = BlockPool(blocks, size)
        self._running: dict[int, OwnText] = {}  # by request
        self._ended: list[OwnText] = []  # the oldest first

    def open(self, request: int, tokens: Sequence[int], length: int) -> OwnText | None:
        """What is read of a request's tokens, with room for `length` positions that is shared with nobody from there
        on; None where others that run have the room. Older texts make room, the oldest first."""
        text = self._running.get(request)
        if text is None:
            text = self._running[request] = self._beginning(tokens)
        self._trim(text, text.common(tokens))
        missing = self.pool.blocks_for(length) - len(text.table)
        while missing > self.pool.free and self._ended:
            self._drop(self._ended.pop(0))
        if missing > self.pool.free:
            return None
        text.table.extend(self.pool.allocate(max(missing, 0)))
        return text

    def of(self, request: int) -> OwnText:
        """The text that was last opened for a request."""
        return self._running[request]

    def close(self, request: int) -> None:
        """The request has ended."""
        text = self._running.pop(request, None)
        if text is None:
            return
        self._ended.append(text)
        if len(self._ended) > _MOST_ENDED:
            self._drop(self._ended.pop(0))

    def check_integrity(self) -> None:
        """Raises EngineError when a block is leaked or in two texts."""
        self.pool.check_integrity([text.table for text in (*self._running.values(), *self._ended)], ())

    def _beginning(self, tokens: Sequence[int]) -> OwnText:
        """A new text, with the blocks of the one that goes furthest with these tokens. The block of that one's last
        token is left out, as it may be written once more."""
        texts = (*self._running.values(), *self._ended)
        other = max(texts, key=lambda text: text.common(tokens), default=None)
        if other is None:
            return OwnText()
        size = self.pool.block_size
        blocks = max(0, min(other.common(tokens), len(other.tokens) - 1)) // size
        table = other.table[:blocks]
        for block in table:
            self.pool.share(block)
        return OwnText(other.tokens[: blocks * size], table)

    def _trim(self, text: OwnText, length: int) -> None:
        """Forgets what is read beyond `length`, and what is to be written again in blocks that others have too."""
        first = length // self.pool.block_size
        if any(self.pool.holders(block) > 1 for block in text.table[first:]):
            for block in text.table[first:]:
                self.pool.release(block)
            del text.table[first:]
            length = first * self.pool.block_size
        del text.tokens[length:]

    def _drop(self, text: OwnText) -> None:
        for block in text.table:
            self.pool.release(block)
