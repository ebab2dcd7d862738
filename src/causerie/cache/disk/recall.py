"""Brings back what the disk has of a text: pieces are read into free blocks and put into the index, where the text
finds them as if they had never gone. It knows tokens and positions, no requests.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from causerie.backends.ops import CacheMemory
from causerie.cache.book import CacheBook
from causerie.cache.disk.folder import PieceFolder
from causerie.cache.disk.piece import SLOT, Bytes, DamagedPiece, StoredPiece, digest
from causerie.cache.disk.text_pieces import PIECE_BLOCKS, text_nodes
from causerie.cache.node import Key, Node

LEAST_GAIN = 64
"""Tokens that the disk must have beyond what memory has, or reading them anew is as good."""
_READERS = 4  # threads


@dataclass(frozen=True)
class _Way:
    """The pieces that have a text up to `end`; `slot` is that of its end, where models have slots."""

    pieces: tuple[StoredPiece, ...]
    end: int
    slot: StoredPiece | None = None


class Recall:
    """What the disk has of one text, and how it comes back."""

    def __init__(
        self, book: CacheBook, memory: CacheMemory, folder: PieceFolder, tokens: Sequence[int], limit: int
    ) -> None:
        self._book = book
        self._memory = memory
        self._folder = folder
        self._tokens = array("i", tokens[:limit])
        self._node: Node = book.index.root  # up to which all is back
        self._way = self._find()
        self._here = 0  # tokens that memory has
        self.count = self._gain()
        self.returned = 0  # tokens that came back

    def run(self) -> Iterator[None]:
        """Brings it back, a piece at a time; between two others may use the cache. It ends early where there is no room
        or a file is damaged: what came is used."""
        for node in text_nodes(self._book, self._tokens):
            self._book.index.touch(node)  # so that it does not go to make room for what follows it
        for stored in self._way.pieces:
            if not self._bring_blocks(stored):
                return
            if self._way.slot is None:
                end = min(self._way.end, stored.piece.begin + len(stored.piece.tokens))
                self.returned = max(0, end - self._here)
            yield
        if self._way.slot is not None:
            if not self._bring_slot(self._way.slot):
                return
            self.returned = self.count
        self._folder.touch([*self._way.pieces, *filter(None, (self._way.slot,))])

    def _gain(self) -> int:
        """How many tokens more than memory has it would bring; 0 for too few, or where there is no room."""
        match = self._book.index.match(self._tokens, len(self._tokens))
        here = self._here = len(match.path) * self._book.block_size + match.partial
        blocks = -(-self._way.end // self._book.block_size)
        for group in self._book.groups:
            if group.pool.available < blocks - group.first(self._way.end):
                return 0
        return self._way.end - here if self._way.end - here >= LEAST_GAIN else 0

    # ── what the disk has ────────────────────────────────────────────────────────────────────────────────────────────

    def _find(self) -> _Way:
        pieces: list[StoredPiece] = []
        slots: list[tuple[int, StoredPiece]] = []
        end, before = 0, ""
        while True:
            rest = self._tokens[end:]
            longest, best = (0, 0), None
            for stored in self._folder.after(before):
                piece = stored.piece
                common = _common(piece.tokens, rest)
                if piece.is_slot:
                    if common == len(piece.tokens):
                        slots.append((end + common, stored))
                elif common and (common, len(piece.parts)) > longest:
                    longest, best = (common, len(piece.parts)), stored
            if best is None:
                break
            pieces.append(best)
            end += longest[0]
            if longest[0] < PIECE_BLOCKS * self._book.block_size:
                break
            before = digest(before, best.piece.tokens)
        if not self._book.slots.pool.total:
            return _Way(tuple(pieces), end)
        position, slot = max((each for each in slots if each[0] <= end), key=lambda each: each[0], default=(0, None))
        return _Way(tuple(each for each in pieces if each.piece.begin < position), position, slot)

    # ── what comes back ──────────────────────────────────────────────────────────────────────────────────────────────

    def _bring_blocks(self, stored: StoredPiece) -> bool:
        """Puts the blocks of a piece that memory lacks into the index; whether it could."""
        book, parent = self._book, self._node
        if parent.parent is None and parent is not book.index.root:  # it went meanwhile
            return False
        keys = self._keys(stored)
        lacking = self._lacking(stored, keys)
        counts = Counter(g for g, _ in lacking)
        if any(counts[g] > group.pool.available for g, group in enumerate(book.groups)):
            return False
        numbers = {(g, at): book.take(g) for g, at in lacking}
        whole = parent.parent is not None or parent is book.index.root
        if whole:
            memory = {key: self._memory.block(key[0], number) for key, number in numbers.items()}
            whole = self._read(stored, memory) and self._insert(keys, numbers)
        for (g, _), number in numbers.items():
            book.groups[g].pool.release(number)
        for node in reversed(list(self._node.upward(len(keys)))):
            book.index.touch(node)
        return whole

    def _keys(self, stored: StoredPiece) -> list[Key]:
        """The tokens of each block of a piece that the text needs."""
        size, tokens = self._book.block_size, stored.piece.tokens
        count = min(len(tokens), self._way.end - stored.piece.begin)
        return [tuple(tokens[at : at + size]) for at in range(0, count, size)]

    def _lacking(self, stored: StoredPiece, keys: Sequence[Key]) -> list[tuple[int, int]]:
        """Of a piece the blocks that memory does not have and that the text needs: page group and place."""
        parts = {(part.group, part.at) for part in stored.piece.parts}
        first = stored.piece.begin // self._book.block_size
        lacking: list[tuple[int, int]] = []
        node: Node | None = self._node
        for at, key in enumerate(keys):
            node = None if node is None else node.children.get(key)
            for g, group in enumerate(self._book.groups):
                if (
                    (g, at) in parts
                    and first + at >= group.first(self._way.end)
                    and (node is None or node.blocks[g] < 0)
                ):
                    lacking.append((g, at))
        return lacking

    def _insert(self, keys: Sequence[Key], numbers: Mapping[tuple[int, int], int]) -> bool:
        """Puts blocks into the index; False where a group lacks one that looks back to the beginning."""
        groups = list(enumerate(self._book.groups))
        for at, key in enumerate(keys):
            blocks = [numbers.get((g, at), -1) for g, _ in groups]
            there = key in self._node.children
            if not there and any(blocks[g] < 0 for g, group in groups if group.window is None):
                return False
            self._node = self._book.index.insert(self._node, key, blocks)
        return True

    def _bring_slot(self, stored: StoredPiece) -> bool:
        """Puts a slot's contents back as a snapshot of the text's end; whether it could."""
        book, size = self._book, self._book.block_size
        nodes = text_nodes(book, self._tokens[: self._way.end])
        offset = self._way.end - (len(nodes) - 1) * size
        if not nodes or not 0 < offset <= len(nodes[-1].key) or not book.slots.pool.available:
            return False
        if offset in nodes[-1].snapshots:
            return True
        slot = book.slots.take()
        read = self._read(stored, {(SLOT, stored.piece.parts[0].at): self._memory.slot_bytes(slot)})
        if read:
            book.index.snapshots.add(nodes[-1], offset, slot)
        book.slots.pool.release(slot)
        return read

    def _read(self, stored: StoredPiece, memory: dict[tuple[int, int], Bytes]) -> bool:
        """Reads parts of a piece to where they belong; whether all are as they were written."""
        if not memory:
            return True
        places = {(part.group, part.at): place for place, part in enumerate(stored.piece.parts)}
        work = [(places[key], where) for key, where in memory.items()]
        try:
            with ExitStack() as stack:
                handle = os.open(stored.path, os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, handle)
                readers = stack.enter_context(ThreadPoolExecutor(min(_READERS, os.cpu_count() or 1)))
                list(readers.map(lambda each: stored.read(handle, *each), work))
        except DamagedPiece as fault:
            self._folder.discard(stored, str(fault))
            return False
        except OSError:
            self._folder.missing(stored)
            return False
        return True


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many first tokens two texts share."""
    most = min(len(a), len(b))
    if a[:most] == b[:most]:
        return most
    return next(at for at in range(most) if a[at] != b[at])
