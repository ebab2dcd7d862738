"""The texts that one model has read, in blocks of its own: for a model that reads other tokens than the one it guesses
for, so that the other's blocks say nothing of its own.

A request's text is read further as it grows. Once the request has ended it stays, until its blocks are needed or a
request begins alike, which goes on with it. It knows tokens and blocks; no model, and not what tokens mean.
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
        """What is read of a request's tokens, with room for `length` positions; None where others that run have the
        room. Older texts make room, the oldest first."""
        text = self._running.get(request)
        if text is None:
            text = self._running[request] = self._beginning(tokens)
        del text.tokens[text.common(tokens) :]
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
        """The text of an ended request that goes furthest with these tokens, where that is not for the better part
        another one, which its own next turn may want; else a new one."""
        best = max(self._ended, key=lambda text: text.common(tokens), default=None)
        if best is None or 2 * best.common(tokens) <= len(best.tokens):
            return OwnText()
        self._ended.remove(best)
        return best

    def _drop(self, text: OwnText) -> None:
        for block in text.table:
            self.pool.release(block)
