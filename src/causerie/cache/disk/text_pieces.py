"""Which pieces a text is cut into, and where they lie in the book of a cache: the blocks of all page groups, sixteen
after each other, and the last places of which a slot knows. It copies nothing and knows no file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from causerie.backends.ops import CacheMemory
from causerie.cache.book import CacheBook
from causerie.cache.disk.piece import SLOT, PiecePart, TextPiece, digest
from causerie.cache.node import Node

PIECE_BLOCKS = 16
_SNAPSHOTS = 2  # of a text, the last ones: where it ended, and where its last question did


@dataclass(frozen=True)
class Source:
    """A piece, and the number of the block or slot that each of its parts is a copy of."""

    piece: TextPiece
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Sizes:
    """Bytes of a block of each page group, and of a slot."""

    blocks: tuple[int, ...]
    slot: int

    @staticmethod
    def of(memory: CacheMemory, book: CacheBook) -> Sizes:
        """Those of this memory."""
        blocks = tuple(memory.block(g, 0).nbytes for g in range(len(book.groups)))
        return Sizes(blocks, memory.slot_bytes(0).nbytes if book.slots.pool.total else 0)


def sources(book: CacheBook, sizes: Sizes, tokens: Sequence[int]) -> Iterator[Source]:
    """The pieces of what the index has of a text."""
    nodes = text_nodes(book, tokens)
    size = book.block_size
    filled = min(len(tokens), sum(len(node.key) for node in nodes))
    befores = [""]  # what each piece follows
    for first in range(0, len(nodes), PIECE_BLOCKS):
        some = nodes[first : first + PIECE_BLOCKS]
        begin = first * size
        own = array("i", tokens[begin : min(begin + PIECE_BLOCKS * size, filled)])
        parts, numbers = [], []
        for at, node in enumerate(some):
            for g, group in enumerate(book.groups):
                if node.blocks[g] >= 0 and first + at >= group.first(filled):
                    parts.append(PiecePart(g, at, sizes.blocks[g]))
                    numbers.append(node.blocks[g])
        yield Source(TextPiece(befores[-1], begin, own, tuple(parts)), tuple(numbers))
        befores.append(digest(befores[-1], own))
    yield from _slot_sources(nodes, sizes, tokens[:filled], size, befores)


def text_nodes(book: CacheBook, tokens: Sequence[int]) -> list[Node]:
    """The nodes of a text's blocks, the last of which may go on further than it."""
    *path, last = book.index.path(tokens, len(tokens))
    nodes = [*path[1:], last] if path else []
    rest = tuple(tokens[len(nodes) * book.block_size : (len(nodes) + 1) * book.block_size])
    tail = next((child for key, child in last.children.items() if rest and key[: len(rest)] == rest), None)
    return nodes if tail is None else [*nodes, tail]


def _slot_sources(
    nodes: Sequence[Node], sizes: Sizes, tokens: Sequence[int], size: int, befores: Sequence[str]
) -> Iterator[Source]:
    places = [
        (depth * size + offset, slot)
        for depth, node in enumerate(nodes)
        for offset, slot in node.snapshots.items()
        if depth * size + offset <= len(tokens)
    ]
    for position, slot in sorted(places)[-_SNAPSHOTS:]:
        number = (position - 1) // (PIECE_BLOCKS * size)
        begin = number * PIECE_BLOCKS * size
        piece = TextPiece(
            befores[number],
            begin,
            array("i", tokens[begin:position]),
            (PiecePart(SLOT, position - begin, sizes.slot),),
        )
        yield Source(piece, (slot,))
