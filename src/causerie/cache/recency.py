"""Nodes by when they were last used, for one page group. It knows no pool: what it names may be in use again."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from causerie.cache.node import Node


class Recency:
    """A heap in which each node has one entry that counts, its newest; older ones are passed over."""

    def __init__(self, group: int) -> None:
        self._group = group
        self._offers = 0
        self._heap: list[tuple[int, int, Node]] = []  # (time of use, serial, node)

    def offer(self, node: Node, last_use: int, size: int) -> None:
        """Puts a node, of `size` in the index, in its place; one that was offered before changes its place."""
        self._offers += 1
        node.serials[self._group] = self._offers
        heappush(self._heap, (last_use, self._offers, node))
        if len(self._heap) > 4 * size + 64:
            self._heap = [entry for entry in self._heap if self._counts(entry[1], entry[2])]
            heapify(self._heap)

    def pop(self) -> Node | None:
        """Takes out the node whose use is longest ago; it comes back by `offer`."""
        while self._heap:
            _, serial, node = heappop(self._heap)
            if self._counts(serial, node):
                return node
        return None

    def _counts(self, serial: int, node: Node) -> bool:
        return serial == node.serials[self._group] and node.parent is not None
