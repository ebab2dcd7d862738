"""Keeps on the disk what a cache has of texts that ended, and brings it back for one that goes on.

The thread that runs steps copies, between two of them, and another one writes. It knows tokens and positions, no
requests and no model; the same bytes come back, so that no answer changes.
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from causerie.backends.ops import CacheMemory
from causerie.cache.book import CacheBook
from causerie.cache.disk.folder import PieceFolder
from causerie.cache.disk.piece import SLOT, Bytes, StoredPiece
from causerie.cache.disk.recall import Recall
from causerie.cache.disk.text_pieces import Sizes, Source, sources
from causerie.cache.disk.writer import PieceWriter

LEAST_TOKENS = 128
"""Of a text that is kept; a shorter one is read anew as quickly."""
MOST_EXPECTED = 512 << 20
"""Bytes of the last texts that are brought back before anybody asks for them."""
_SHARE = 4  # of the cache one part in so many at most
_MOST_TEXTS = 64  # that wait to be kept
_PAUSE = 1.0  # seconds after the end of the last text before anything is copied
_LONGEST = 30.0  # seconds that a text waits while there are steps
_RETRY = 0.05  # seconds until the writer is asked again whether it has room


@dataclass(frozen=True)
class KeptStats:
    """What of caches is on the disk, of all models together, and how much of that came back."""

    nbytes: int
    most: int
    recalled_tokens: int


@dataclass
class _EndedText:
    """A text that is to be kept, when it ended, and how many of its pieces were seen to: each once, so that a disk that
    takes none, or not all, is not asked for ever."""

    ended: float
    tokens: array[int]
    done: int = 0


class CacheKeeper:
    """Of one book and its memory."""

    def __init__(self, book: CacheBook, memory: CacheMemory, folder: PieceFolder) -> None:
        self._book = book
        self._memory: CacheMemory | None = memory
        self._folder = folder
        self._writer = PieceWriter(folder)
        self._texts: list[_EndedText] = []
        self._latest = 0.0  # when the last text ended
        self._recalled = 0
        self._expected: Iterator[None] | None = self._last_texts()

    @property
    def stats(self) -> KeptStats:
        """Numbers of now."""
        return KeptStats(self._folder.nbytes, self._folder.most, self._recalled)

    def note(self, tokens: Sequence[int], now: float) -> None:
        """A text ended whose tokens the cache has."""
        self._latest = now
        if len(tokens) < LEAST_TOKENS:
            return
        text = array("i", tokens)
        others = [each for each in self._texts if text[: len(each.tokens)] != each.tokens]
        self._texts = [*others, _EndedText(now, text)][-_MOST_TEXTS:]

    def rest(self, now: float, busy: bool) -> float | None:
        """In how many seconds something is to be copied; None while there is nothing. `busy`: there are steps."""
        if self._memory is None:
            return None
        if self._expected is not None and not busy:
            return 0.0
        if not self._texts:
            return None
        oldest = self._texts[0].ended
        due = oldest + _LONGEST if busy else min(oldest + _LONGEST, self._latest + _PAUSE)
        return max(0.0, due - now, _RETRY if self._writer.full else 0.0)

    def keep(self) -> None:
        """Brings back a piece of the texts that were used last, before anybody asks for them. Once that is done:
        copies a piece of the oldest text that waits, for the writer; a text of which all is kept waits no more."""
        if self._expected is not None:
            if next(self._expected, self) is self:
                self._expected = None
            return
        if not self._texts or self._memory is None or self._writer.full:
            return
        if not self._copy_one(self._texts[0]):
            del self._texts[0]

    def recall(self, tokens: Sequence[int], limit: int) -> Iterator[None] | None:
        """Brings back what the disk has of a text's first `limit` tokens and memory does not, a piece at a time; None
        for nothing."""
        if self._memory is None or limit < LEAST_TOKENS:
            return None
        recall = Recall(self._book, self._memory, self._folder, tokens, limit)
        return self._counted(recall) if recall.count else None

    def _counted(self, recall: Recall) -> Iterator[None]:
        yield from recall.run()
        self._recalled += recall.returned

    def _last_texts(self) -> Iterator[None]:
        """Brings back the texts that were used last, as far as that is not too much."""
        room, positions = MOST_EXPECTED, [self._book.block_size * group.pool.total for group in self._book.groups]
        tokens = min(positions, default=sys.maxsize) // _SHARE
        for pieces in self._folder.texts()[:_MOST_TEXTS]:
            text = array("i")
            for stored in pieces:
                text += stored.piece.tokens
            room -= sum(stored.piece.nbytes for stored in pieces)
            tokens -= len(text)
            if room < 0 or tokens < 0:
                return
            yield from self.recall(text, len(text)) or ()

    def close(self) -> None:
        """Keeps what waits, and returns when it is written."""
        while self._texts and self._memory is not None:
            while self._copy_one(self._texts[0]):
                while self._writer.full:
                    time.sleep(_RETRY)
            del self._texts[0]
        self._writer.close()
        self._expected = None
        self._memory = None  # which is its owner's to free

    def _copy_one(self, text: _EndedText) -> bool:
        """Hands the writer the next piece of a text that the disk lacks; False where there is none, or where the disk
        has room for no more of the text."""
        memory = self._memory
        assert memory is not None, "a keeper that was closed copies nothing"
        path: list[StoredPiece] = []
        nbytes = 0
        for number, source in enumerate(sources(self._book, Sizes.of(memory, self._book), text.tokens)):
            nbytes += source.piece.file_bytes
            if nbytes > self._folder.most:
                break
            there = [each for each in self._folder.after(source.piece.before) if each.piece.covers(source.piece)]
            path += there[:1]
            if number >= text.done:
                text.done = number + 1
                if not there and not self._writer.has(source.piece):
                    self._writer.put(source.piece, _copy(memory, source))
                    return True
        self._folder.touch(path)
        return False


def _copy(memory: CacheMemory, source: Source) -> Bytes:
    """The bytes of a piece, one part after the other."""
    data, at = np.empty(source.piece.nbytes, np.uint8), 0
    for part, number in zip(source.piece.parts, source.numbers, strict=True):
        where = memory.slot_bytes(number) if part.group == SLOT else memory.block(part.group, number)
        data[at : at + part.nbytes] = where
        at += part.nbytes
    return data
