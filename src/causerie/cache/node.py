"""A block of tokens in the prefix index, and where its keys and values lie. Plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Key = tuple[int, ...]
_NONE: Mapping[int, int] = {}


class Node:
    """One block of tokens. The root has none."""

    __slots__ = ("blocks", "children", "key", "keys", "last_use", "leases", "parent", "serials", "snapshots")

    def __init__(self, parent: Node | None, key: Key, blocks: list[int]) -> None:
        self.parent = parent  # None for the root and for nodes that were removed
        self.key = key
        self.blocks = blocks  # of each page group; -1 where the index holds none
        self.children: dict[Key, Node] = {}
        self.keys: list[Key] = []  # of the children, sorted
        self.snapshots = _NONE  # slots, by how many tokens of the key they have seen
        self.leases = 0  # sequences that go on from here
        self.last_use = 0  # when that was, counted in uses
        self.serials = [0] * len(blocks)  # the newest entry of this node in each group's order of eviction

    def upward(self, steps: int) -> Iterator[Node]:
        """This node and those above it, at most `steps` in all and without the root."""
        node = self
        while steps > 0 and node.parent is not None:
            yield node
            node = node.parent
            steps -= 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be had here or below, and nobody goes on from here."""
        return not (self.children or self.snapshots or self.leases) and all(block < 0 for block in self.blocks)
