"""What one sequence holds of the cache, and the book of all of it: blocks shared with the prefix index, blocks of its
own, and the copy a partly matching block begins with. It knows tokens and positions, no requests and no schedule.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from causerie.cache.blocks import BlockPool
from causerie.cache.prefix import Node, PrefixIndex


@dataclass(slots=True)
class Lease:
    """The blocks of one sequence: position p lies in `table[p // block_size]`."""

    table: array[int]  # int32 block numbers
    node: Node  # the deepest block of the table that is in the index
    indexed: int  # how many leading blocks of the table are in the index
    cached: int  # positions that were found filled
    shareable: int  # positions below this one may be used by others
    copy: tuple[int, int] | None = None  # (from, to): to be done before the first step


@dataclass(slots=True)
class CacheBook:
    """All leases of one pool. `shared_length` as in StepModel."""

    pool: BlockPool
    shared_length: int | None = None
    index: PrefixIndex = field(init=False)
    _pins: list[Node] = field(default_factory=list, repr=False)  # blocks that copies of the next step read

    def __post_init__(self) -> None:
        self.index = PrefixIndex(self.pool)

    def shareable(self, prompt: int) -> int:
        """Positions below this one mean the same in every request, for a request of `prompt` prompt tokens."""
        if self.shared_length is None:
            return sys.maxsize
        return self.shared_length if prompt <= self.shared_length else 0

    def open(self, tokens: Sequence[int], usable: int, prompt: int, headroom: int) -> Lease | None:
        """Blocks for all of `tokens`, reusing what is held of the first `usable` ones; None when, `headroom` blocks
        left aside for others, too few can be had."""
        shareable = self.shareable(prompt)
        found = self.index.match(tokens, min(usable, shareable))
        for block in found.blocks:
            self.pool.share(block)
        missing = self.pool.blocks_for(len(tokens)) - len(found.blocks)
        tail = found.tail
        if tail is not None:
            self.pool.share(tail.block)
            if self.pool.available < missing + headroom:  # the block to copy from may be the one that is missing
                self.pool.release(tail.block)
                self.index.touch(tail)
                tail = None
        if self.pool.available < missing + headroom:
            for block in found.blocks:
                self.pool.release(block)
            self.index.touch(found.node)
            return None
        cached = len(found.blocks) * self.pool.block_size
        lease = Lease(array("i", found.blocks), found.node, len(found.blocks), cached, shareable)
        lease.table.extend(self._take(missing))
        if tail is not None:
            self._pins.append(tail)
            lease.copy = (tail.block, lease.table[len(found.blocks)])
            lease.cached += found.partial
        return lease

    def grow(self, lease: Lease, positions: int, headroom: int = 0) -> bool:
        """Makes room for that many positions; False when, `headroom` blocks left aside, the blocks cannot be had."""
        missing = self.pool.blocks_for(positions) - len(lease.table)
        if missing <= 0:
            return True
        if missing + headroom > self.pool.available:
            return False
        lease.table.extend(self._take(missing))
        return True

    def record(self, lease: Lease, tokens: Sequence[int], filled: int) -> None:
        """Puts the blocks that are now full (positions below `filled` are written) into the index. What is written
        beyond `filled`, of tokens that were drafted and not drawn, is nobody's. Where an equal block is there already,
        the sequence goes on with that one and frees its own."""
        size = self.pool.block_size
        full = min(filled, lease.shareable) // size
        while lease.indexed < full:
            at = lease.indexed
            key = tuple(tokens[at * size : (at + 1) * size])
            node = self.index.insert(lease.node, key, lease.table[at])
            assert node is not None, f"a key of {len(key)} tokens was taken for the beginning of a longer one"
            if node.block != lease.table[at]:
                self.pool.share(node.block)
                self.pool.release(lease.table[at])
                lease.table[at] = node.block
            lease.node = node
            lease.indexed += 1

    def close(self, lease: Lease, tokens: Sequence[int], filled: int) -> None:
        """Gives all blocks back; what is written stays in the index until its blocks are needed."""
        self.record(lease, tokens, filled)
        size = self.pool.block_size
        start = lease.indexed * size
        end = min(filled, lease.shareable, start + size)
        if end > start:
            node = self.index.insert(lease.node, tuple(tokens[start:end]), lease.table[lease.indexed])
            if node is not None and lease.table[lease.indexed] != node.block:
                self.index.touch(node)
        self._give_back(lease)

    def discard(self, leases: Iterable[Lease]) -> None:
        """After a failed step: gives the blocks of `leases` back and forgets every prefix, as nobody knows what was
        written. All leases must be among them."""
        self.unpin()
        for lease in leases:
            self._give_back(lease)
        self.index.clear()

    def unpin(self) -> None:
        """The step with the copies has run: the blocks they read may be evicted again."""
        for node in self._pins:
            self.pool.release(node.block)
            self.index.touch(node)
        self._pins.clear()

    def check_integrity(self, leases: Iterable[Lease]) -> None:
        """Raises EngineError when a block is leaked, lost or held by someone unknown."""
        tables: list[Iterable[int]] = [lease.table for lease in leases]
        tables.append([node.block for node in self._pins])
        self.pool.check_integrity(tables, (node.block for node in self.index.nodes()))

    def _take(self, count: int) -> list[int]:
        if count > self.pool.free:
            self.index.evict(count - self.pool.free)
        return self.pool.allocate(count)

    def _give_back(self, lease: Lease) -> None:
        for block in lease.table:
            self.pool.release(block)
        self.index.touch(lease.node)
