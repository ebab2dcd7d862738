"""The slots that the prefix index holds: what convolutions and recurrences remembered at certain ends of texts. It
knows no sequences.

A snapshot is a reference, not a copy: who resumes at it reads the slot and writes to another.
"""

from __future__ import annotations

from collections.abc import Iterator

from causerie.cache.blocks import BlockPool
from causerie.cache.node import Node


class Snapshots:
    """Slots of one pool, each at the first `offset` tokens of a node, least recently used first."""

    def __init__(self, pool: BlockPool) -> None:
        self.pool = pool
        self._places: dict[int, tuple[Node, int]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[int, Node, int]]:
        """Slot, node and offset of each."""
        return ((slot, node, offset) for slot, (node, offset) in self._places.items())

    def add(self, node: Node, offset: int, slot: int) -> None:
        """Holds a slot that a sequence holds; where there is one of the same place, or the slot is held already, that
        one counts as just used."""
        if self.pool.is_kept(slot):
            self.touch(slot)
        elif offset in node.snapshots:
            self.touch(node.snapshots[offset])
        else:
            self.pool.keep(slot)
            node.snapshots = {**node.snapshots, offset: slot}
            self._places[slot] = node, offset

    def touch(self, slot: int) -> None:
        """Marks one as just used."""
        self._places[slot] = self._places.pop(slot)

    def drop(self, slot: int) -> Node:
        """Lets go of one; the node that it was at."""
        node, offset = self._places.pop(slot)
        node.snapshots = {at: each for at, each in node.snapshots.items() if at != offset}
        self.pool.drop(slot)
        return node

    def move(self, shorter: Node, longer: Node) -> None:
        """Those of a node are from now on those of another, whose key begins with its key."""
        for offset, slot in shorter.snapshots.items():
            self._places[slot] = longer, offset
        longer.snapshots, shorter.snapshots = shorter.snapshots, longer.snapshots

    def oldest_idle(self) -> int | None:
        """The slot whose use is longest ago, of those that no sequence holds."""
        return next((slot for slot in self._places if self.pool.is_idle(slot)), None)
