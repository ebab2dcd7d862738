"""The book of all of the cache: who gets which blocks and slots, and what is left of them in the prefix index. It knows
tokens and positions, no requests and no schedule.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence

from causerie.backends.ops import CacheShape
from causerie.cache.blocks import BlockPool
from causerie.cache.groups import Group
from causerie.cache.lease import Lease, Pin
from causerie.cache.node import Node
from causerie.cache.prefix import Match, PrefixIndex
from causerie.cache.slots import Slots
from causerie.cache.snapshots import Snapshots


class CacheBook:
    """All leases of one cache. A step brings at most `rows` tokens of a sequence; `shared_length` as in StepModel."""

    def __init__(self, shape: CacheShape, rows: int, shared_length: int | None = None) -> None:
        self.block_size = shape.block_size
        pools = [BlockPool(each.blocks, shape.block_size) for each in shape.groups]
        self.groups = tuple(Group(pool, each.window, rows) for pool, each in zip(pools, shape.groups, strict=True))
        snapshots = Snapshots(BlockPool(shape.slots, 1))
        self.index = PrefixIndex(self.groups, snapshots, shape.block_size)
        self.slots = Slots(snapshots.pool, self.index)
        self._shared_length = shared_length
        self._windowed = tuple(g for g, group in enumerate(self.groups) if group.window is not None)
        self._pins: list[Pin] = []

    @property
    def capacity(self) -> int | None:
        """The longest sequence that finds room when it is alone; None where any does."""
        limits = [group.capacity for group in self.groups]
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def available(self) -> tuple[int, ...]:
        """How many blocks of each group, and slots, a sequence could get."""
        return (*(group.pool.available for group in self.groups), self.slots.pool.available)

    def shareable(self, prompt: int) -> int:
        """Positions below this one mean the same in every request, for a request of `prompt` prompt tokens."""
        if self._shared_length is None:
            return sys.maxsize
        return self._shared_length if prompt <= self._shared_length else 0

    # ── leases ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, tokens: Sequence[int], usable: int, prompt: int, beside: Sequence[Lease] = ()) -> Lease | None:
        """What the first step of a sequence of `tokens` needs, going on with what is held of the first `usable` ones;
        None when too few blocks can be had, or no slot. What those `beside` it may soon need is left aside: a block of
        each group, and what they still have to read."""
        shareable = self.shareable(prompt)
        limit = min(usable, shareable)
        while True:
            match = self.index.match(tokens, limit)
            lease, pin = self._shared(match, len(tokens), shareable)
            if self._has_room(lease, beside) and self.slots.reserve(lease):
                break
            self._release(lease)
            if pin is None:
                return None
            self._unpin(pin)  # the block to copy from may be the one that is missing
            limit = len(match.path) * self.block_size
        self._extend(lease, [group.end(lease.cached, len(tokens)) for group in self.groups])
        if pin is not None:
            self._pins.append(pin)
            targets = [table[len(match.path)] for table in lease.tables]
            lease.copies = tuple(zip(pin.blocks, targets, strict=True))
        return lease

    def grow(self, lease: Lease, filled: int, length: int, headroom: int = 0) -> bool:
        """Makes room for a step that goes on from `filled` in a sequence of `length` tokens; False when, `headroom`
        blocks of each group left aside, it cannot be had."""
        ends = [group.end(filled, length) for group in self.groups]
        missing = [end - len(table) for end, table in zip(ends, lease.tables, strict=True)]
        if all(count <= 0 for count in missing):
            return True
        for count, group in zip(missing, self.groups, strict=True):
            if count > 0 and count + headroom > group.pool.available:
                return False
        self._extend(lease, ends)
        return True

    def record(self, lease: Lease, tokens: Sequence[int], filled: int) -> None:
        """Puts the blocks that are now full (positions below `filled` are written) into the index. What is written
        beyond `filled`, of tokens that were drafted and not drawn, is nobody's. Where an equal block is there already,
        the sequence goes on with that one and frees its own."""
        size = self.block_size
        full = min(filled, lease.shareable) // size
        while lease.indexed < full:
            at = lease.indexed
            blocks = [table[at] for table in lease.tables]
            node = self.index.insert(lease.node, tuple(tokens[at * size : (at + 1) * size]), blocks)
            assert len(node.key) == size, f"a key of {size} tokens was taken for the beginning of a longer one"
            if node.blocks is not blocks:
                for group, table, block in zip(self.groups, lease.tables, node.blocks, strict=True):
                    if table[at] != block:
                        group.pool.share(block)
                        group.pool.release(table[at])
                        table[at] = block
            lease.node.leases -= 1
            node.leases += 1
            lease.node = node
            lease.indexed += 1

    def slide(self, lease: Lease, filled: int) -> None:
        """Lets go of the blocks that no row at `filled` or later sees; after they were recorded."""
        for g in self._windowed:
            group, table, begun = self.groups[g], lease.tables[g], lease.begun[g]
            first = group.first(filled)
            if first == begun:
                continue
            for at in range(begun, first):
                group.pool.release(table[at])
                table[at] = -1
            lease.begun[g] = first
            behind = list(lease.node.upward(lease.indexed - begun))[max(0, lease.indexed - first) :]
            for node in reversed(behind):
                self.index.slide(node, g)

    def remember(self, lease: Lease, tokens: Sequence[int], filled: int) -> None:
        """Takes a snapshot of what is remembered of the first `filled` tokens, after these were recorded."""
        if not 0 < filled <= lease.shareable:
            return
        offset = filled - lease.indexed * self.block_size
        if offset == 0:
            self.index.snapshots.add(lease.node, self.block_size, lease.slot)
            return
        self.index.snapshots.add(self._tail(lease, tokens, filled), offset, lease.slot)

    def close(self, lease: Lease, tokens: Sequence[int], filled: int) -> None:
        """Gives all back; what is written stays in the index until its blocks are needed."""
        self.record(lease, tokens, filled)
        start = lease.indexed * self.block_size
        end = min(filled, lease.shareable, start + self.block_size)
        tail = None
        if end > start:
            node = self._tail(lease, tokens, end)
            tail = node if len(node.key) == end - start else None
        if lease.slot >= 0:
            self.remember(lease, tokens, filled)
        self._release(lease)
        if tail is not None:
            self.index.touch(tail)
            self.index.prune(tail)

    def _tail(self, lease: Lease, tokens: Sequence[int], end: int) -> Node:
        """The node of the unfinished block that ends before position `end`, in the index."""
        key = tuple(tokens[lease.indexed * self.block_size : end])
        return self.index.insert(lease.node, key, [table[lease.indexed] for table in lease.tables])

    def discard(self, leases: Iterable[Lease]) -> None:
        """After a failed step: gives back what `leases` hold and forgets every prefix, as nobody knows what was
        written. All leases must be among them."""
        self.unpin()
        for lease in leases:
            self._release(lease)
        self.index.clear()

    def unpin(self) -> None:
        """The step with the copies has run: the blocks they read may be evicted again."""
        for pin in self._pins:
            self._unpin(pin)
        self._pins.clear()

    def check_integrity(self, leases: Iterable[Lease]) -> None:
        """Raises EngineError when a block or a slot is leaked, lost or held by someone unknown."""
        leases = list(leases)
        nodes = list(self.index.nodes())
        for g, group in enumerate(self.groups):
            tables: list[Iterable[int]] = [lease.tables[g][lease.begun[g] :] for lease in leases]
            tables.append([pin.blocks[g] for pin in self._pins])
            group.pool.check_integrity(tables, (node.blocks[g] for node in nodes if node.blocks[g] >= 0))
        slots = [{lease.slot, lease.written} - {-1} for lease in leases]
        self.slots.pool.check_integrity(slots, (slot for node in nodes for slot in node.snapshots.values()))

    def take(self, g: int) -> int:
        """A block of a group, for what comes from elsewhere; one must be available."""
        group = self.groups[g]
        if not group.pool.free:
            self.index.evict(g, 1)
        return group.pool.allocate(1)[0]

    # ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _shared(self, match: Match, length: int, shareable: int) -> tuple[Lease, Pin | None]:
        """A lease that holds what was matched and nothing else, and the blocks that it begins with a copy of."""
        whole = len(match.path)
        cached = whole * self.block_size + match.partial
        begun = [min(group.first(cached), whole) for group in self.groups]
        tables = tuple(
            array("i", [-1] * first + [node.blocks[g] for node in match.path[first:]]) for g, first in enumerate(begun)
        )
        for group, table, first in zip(self.groups, tables, begun, strict=True):
            for block in table[first:]:
                group.pool.share(block)
        match.node.leases += 1
        lease = Lease(tables, begun, match.node, whole, cached, shareable, length)
        if match.slot >= 0:
            self.slots.read(lease, match.slot)
        if match.tail is None:
            return lease, None
        pin = Pin(match.tail, tuple(match.tail.blocks))
        for group, block in zip(self.groups, pin.blocks, strict=True):
            group.pool.share(block)
        return lease, pin

    def _has_room(self, lease: Lease, beside: Sequence[Lease]) -> bool:
        for g, group in enumerate(self.groups):
            needed = self._ahead(lease, g) + len(beside)
            if group.window is not None:
                needed += sum(self._ahead(other, g) for other in beside)
            if group.pool.available < needed:
                return False
        return True

    def _ahead(self, lease: Lease, g: int) -> int:
        """How many blocks more the sequence will hold at a time, before it has read what it began with."""
        table, begun = lease.tables[g], lease.begun[g]
        return max(0, self.groups[g].most(begun, lease.length) - (len(table) - begun))

    def _extend(self, lease: Lease, ends: Sequence[int]) -> None:
        for g, (group, table, end) in enumerate(zip(self.groups, lease.tables, ends, strict=True)):
            count = end - len(table)
            if count > group.pool.free:
                self.index.evict(g, count - group.pool.free)
            if count > 0:
                table.extend(group.pool.allocate(count))
        lease.room = min(map(len, lease.tables), default=sys.maxsize) * self.block_size

    def _release(self, lease: Lease) -> None:
        """Gives back all that a lease holds; what of it is in the index can be had by others from now on."""
        self.slots.release(lease)
        for group, table, begun in zip(self.groups, lease.tables, lease.begun, strict=True):
            for block in table[begun:]:
                group.pool.release(block)
        lease.node.leases -= 1
        begun = min((lease.begun[g] for g in self._windowed), default=lease.indexed)
        for node in reversed(list(lease.node.upward(max(1, lease.indexed - begun)))):
            self.index.touch(node)
        self.index.prune(lease.node)

    def _unpin(self, pin: Pin) -> None:
        for group, block in zip(self.groups, pin.blocks, strict=True):
            group.pool.release(block)
        self.index.touch(pin.node)
