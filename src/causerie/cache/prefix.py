"""What the cache remembers: a radix tree over blocks of tokens. It knows no requests and no models.

Each node is one cache block, reached from its parent by the exact tokens it holds (compared as tuples, never by a hash
alone). Nodes deeper than the root hold a full block each; a leaf may hold fewer tokens: the unfinished last block of a
sequence that has ended. Among the children of a node no key is the beginning of another, so the longest common
beginning with any text is found next to its place in the sorted keys.

A block whose only holder is this index is idle. Idle leaves are evicted, least recently used first.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from causerie.cache.blocks import BlockPool

Key = tuple[int, ...]


class Node:
    """One block of the tree. The root has no block (-1)."""

    __slots__ = ("block", "children", "key", "keys", "parent", "serial", "used")

    def __init__(self, parent: Node | None, key: Key, block: int) -> None:
        self.parent = parent  # None for the root and for nodes that were removed
        self.key = key
        self.block = block
        self.children: dict[Key, Node] = {}
        self.keys: list[Key] = []  # of the children, sorted
        self.used = 0  # time of last use, in uses
        self.serial = 0  # the newest heap entry of this node


@dataclass(frozen=True)
class Match:
    """What of a text the index holds: whole blocks, then perhaps the first `partial` tokens of one more block."""

    node: Node  # the deepest whole block, or the root
    blocks: tuple[int, ...]
    tail: Node | None
    partial: int


class PrefixIndex:
    """The tree, over the blocks of one pool."""

    def __init__(self, pool: BlockPool) -> None:
        self._pool = pool
        self._uses = 0
        self._offers = 0
        self._size = 0
        self._heap: list[tuple[int, int, Node]] = []  # (last use, serial, leaf); may be out of date
        self.root = Node(None, (), -1)

    def __len__(self) -> int:
        """Blocks that the index holds."""
        return self._size

    def match(self, tokens: Sequence[int], limit: int) -> Match:
        """The longest beginning of `tokens[:limit]` that is held."""
        size = self._pool.block_size
        node, blocks, at = self.root, [], 0
        while at + size <= limit:
            child = node.children.get(tuple(tokens[at : at + size]))
            if child is None:
                break
            node = child
            blocks.append(child.block)
            at += size
        tail, partial = _longest_beginning(node, tuple(tokens[at : min(at + size, limit)]))
        return Match(node, tuple(blocks), tail, partial)

    def insert(self, parent: Node, key: Key, block: int) -> Node | None:
        """Adds a block that a sequence holds below `parent`; the index becomes one more holder.

        Returns the node that now stands for `key`: an older one when its tokens were there already, and None when the
        key is only the beginning of an older one (then nothing is added).
        """
        found = parent.children.get(key)
        if found is not None:
            return found
        place = bisect_left(parent.keys, key)
        if place < len(parent.keys) and parent.keys[place][: len(key)] == key:
            return None
        if place and key[: len(parent.keys[place - 1])] == parent.keys[place - 1]:
            self._remove(parent.children[parent.keys[place - 1]])  # a shorter one that this one replaces
        node = Node(parent, key, block)
        self._pool.keep(block)
        parent.children[key] = node
        insort(parent.keys, key)
        self._size += 1
        self.touch(node)
        return node

    def touch(self, node: Node) -> None:
        """Marks a node as just used; needed too when a sequence lets go of it, to make it evictable again."""
        if node.parent is None:
            return
        self._uses += 1
        node.used = self._uses
        self._offer(node)

    def evict(self, count: int) -> int:
        """Frees up to `count` idle blocks, least recently used leaves first; returns how many."""
        freed = 0
        while freed < count and self._heap:
            used, serial, node = heappop(self._heap)
            if serial != node.serial or node.parent is None or node.children or not self._pool.is_idle(node.block):
                continue  # out of date; a node that is in use comes back by touch()
            parent = node.parent
            self._remove(node)
            freed += 1
            if parent.parent is not None and not parent.children:
                parent.used = max(parent.used, used)
                self._offer(parent)
        return freed

    def clear(self) -> None:
        """Forgets everything."""
        for node in list(self.nodes()):
            node.parent = None
            self._pool.drop(node.block)
        self.root = Node(None, (), -1)
        self._heap = []
        self._size = 0

    def nodes(self) -> Iterator[Node]:
        """All nodes but the root."""
        pending = list(self.root.children.values())
        while pending:
            node = pending.pop()
            yield node
            pending.extend(node.children.values())

    def _offer(self, node: Node) -> None:
        if node.children:
            return
        self._offers += 1
        node.serial = self._offers
        heappush(self._heap, (node.used, node.serial, node))
        if len(self._heap) > 4 * self._size + 64:
            self._heap = [entry for entry in self._heap if entry[1] == entry[2].serial and entry[2].parent is not None]
            heapify(self._heap)

    def _remove(self, node: Node) -> None:
        parent = node.parent
        assert parent is not None and not node.children, f"node of block {node.block} is still needed"
        del parent.children[node.key]
        del parent.keys[bisect_left(parent.keys, node.key)]
        node.parent = None
        self._size -= 1
        self._pool.drop(node.block)


def _longest_beginning(node: Node, text: Key) -> tuple[Node | None, int]:
    """The child that shares most first tokens with `text`, and how many; (None, 0) if none shares any."""
    if not text:
        return None, 0
    place = bisect_left(node.keys, text)
    best, longest = None, 0
    for key in node.keys[max(place - 1, 0) : place + 1]:
        common = next((i for i, (a, b) in enumerate(zip(key, text, strict=False)) if a != b), min(len(key), len(text)))
        if common > longest:
            best, longest = node.children[key], common
    return best, longest
