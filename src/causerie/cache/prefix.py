"""What the cache remembers: a radix tree over blocks of tokens. It knows no requests and no models.

Each node is one block of tokens, reached from its parent by the exact tokens it holds (compared as tuples, never by a
hash alone), and names a cache block in each page group. Nodes deeper than the root hold a full block each; a leaf may
hold fewer tokens: the unfinished last block of a sequence. Among the children of a node no key is the beginning of
another, so the longest common beginning with any text is found next to its place in the sorted keys.

A cache block whose only holder is this index is idle. In a group that looks back to the beginning idle leaves are
evicted, least recently used first, and a leaf takes with it what it has in other groups. A group with a window loses
its blocks alone, of any node: first those that slid out of the window of a running sequence, then the least recently
used. A text can be gone on with only where no group lacks a block that its window reaches; where models keep slots too,
only at a snapshot.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from causerie.cache.groups import Group
from causerie.cache.node import Key, Node
from causerie.cache.recency import Recency
from causerie.cache.snapshots import Snapshots


@dataclass(frozen=True)
class Match:
    """What of a text can be gone on with: whole blocks, then perhaps the first `partial` tokens of one more block."""

    path: tuple[Node, ...]  # the whole blocks; of some of them a group with a window may hold nothing
    node: Node  # the last of them, or the root
    tail: Node | None = None
    partial: int = 0
    slot: int = -1  # what convolutions and recurrences remembered there


class PrefixIndex:
    """The tree, over the blocks of these groups and the slots of these snapshots."""

    def __init__(self, groups: Sequence[Group], snapshots: Snapshots, block_size: int) -> None:
        self._groups = tuple(groups)
        self._size = block_size
        self._every = tuple(range(len(groups)))
        self._windowed = tuple(g for g, group in enumerate(groups) if group.window is not None)
        self._uses = 0
        self.snapshots = snapshots
        self._plant()

    def _plant(self) -> None:
        self.root = Node(None, (), [-1] * len(self._groups))
        self._recency = [Recency(g) for g in range(len(self._groups))]
        self._count = 0

    def __len__(self) -> int:
        """Nodes but the root."""
        return self._count

    # ── what is there ────────────────────────────────────────────────────────────────────────────────────────────────

    def match(self, tokens: Sequence[int], limit: int) -> Match:
        """The longest beginning of `tokens[:limit]` that can be gone on with."""
        path, size = self.path(tokens, limit), self._size
        gaps = self._gaps(path)
        if self.snapshots.pool.total:
            return self._last_snapshot(path, gaps, tokens, limit)
        depth = len(path) - 1
        rest = tuple(tokens[depth * size : min((depth + 1) * size, limit)])
        for child, common in _by_beginning(path[-1], rest):
            if self._reaches(depth * size + common, gaps, depth, child):
                return Match(tuple(path[1:]), path[-1], child, common)
        while not self._reaches(depth * size, gaps, depth):
            depth -= 1
        return Match(tuple(path[1 : depth + 1]), path[depth])

    def path(self, tokens: Sequence[int], limit: int) -> list[Node]:
        """The root and the whole blocks that `tokens[:limit]` begins with."""
        node, at, size = self.root, 0, self._size
        path = [node]
        while at + size <= limit:
            child = node.children.get(tuple(tokens[at : at + size]))
            if child is None:
                break
            node = child
            path.append(node)
            at += size
        return path

    def _gaps(self, path: Sequence[Node]) -> dict[int, list[int]]:
        """For each group with a window and each depth: below which block the path down to there may lack one."""
        gaps: dict[int, list[int]] = {}
        for g in self._windowed:
            gaps[g] = [0]
            for depth, node in enumerate(path[1:], 1):
                gaps[g].append(depth if node.blocks[g] < 0 else gaps[g][-1])
        return gaps

    def _reaches(self, position: int, gaps: dict[int, list[int]], depth: int, tail: Node | None = None) -> bool:
        """Whether every group holds what a row at `position` sees: `depth` whole blocks lie before it, and perhaps some
        of a tail."""
        for g in self._windowed:
            if self._groups[g].first(position) < gaps[g][depth] or (tail is not None and tail.blocks[g] < 0):
                return False
        return True

    def _last_snapshot(
        self, path: Sequence[Node], gaps: dict[int, list[int]], tokens: Sequence[int], limit: int
    ) -> Match:
        """The match that ends at the last snapshot along a text, of all that the groups can go on from."""
        size = self._size
        depths = {node: depth for depth, node in enumerate(path)}
        best, longest = Match((), self.root), 0
        for slot, node, offset in self.snapshots:
            depth = -1 if node.parent is None else depths.get(node.parent, -1)
            position = depth * size + offset
            if depth < 0 or not longest < position <= limit:
                continue
            if node.key[:offset] != tuple(tokens[depth * size : position]):
                continue
            if offset == size and self._reaches(position, gaps, depth + 1):
                best, longest = Match(tuple(path[1 : depth + 2]), node, slot=slot), position
            elif offset < size and self._reaches(position, gaps, depth, node):
                best, longest = Match(tuple(path[1 : depth + 1]), path[depth], node, offset, slot), position
        return best

    def nodes(self) -> Iterator[Node]:
        """All nodes but the root."""
        pending = list(self.root.children.values())
        while pending:
            node = pending.pop()
            yield node
            pending.extend(node.children.values())

    # ── what comes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def insert(self, parent: Node, key: Key, blocks: list[int]) -> Node:
        """Adds the blocks that a sequence holds below `parent`, one of each group; the index becomes one more holder,
        and a new node keeps this very list.

        Returns the node that now stands for `key`: an older one when its tokens were there already, to which only the
        blocks are added that it lacks; and where the key is only the beginning of an older one, that one as it was.
        """
        older = parent.children.get(key)
        if older is not None:
            self._complete(older, blocks)
            return older
        place = bisect_left(parent.keys, key)
        if place < len(parent.keys) and parent.keys[place][: len(key)] == key:
            return parent.children[parent.keys[place]]
        node = Node(parent, key, blocks)
        if place and key[: len(parent.keys[place - 1])] == parent.keys[place - 1]:
            shorter = parent.children[parent.keys[place - 1]]
            self.snapshots.move(shorter, node)
            self._remove(shorter)
        for g in self._every:
            if blocks[g] >= 0:
                self._groups[g].pool.keep(blocks[g])
        parent.children[key] = node
        insort(parent.keys, key)
        self._count += 1
        self.touch(node)
        return node

    def _complete(self, node: Node, blocks: Sequence[int]) -> None:
        for g in self._windowed:
            if node.blocks[g] < 0 <= blocks[g]:
                self._groups[g].pool.keep(blocks[g])
                node.blocks[g] = blocks[g]

    def touch(self, node: Node) -> None:
        """Marks a node as just used; needed too when a sequence lets go of its blocks, to make them evictable again."""
        if node.parent is None:
            return
        self._uses += 1
        node.last_use = self._uses
        for g in self._windowed if node.children else self._every:
            if node.blocks[g] >= 0:
                self._recency[g].offer(node, node.last_use, self._count)

    def slide(self, node: Node, group: int) -> None:
        """A running sequence needs the node's block of a group with a window no more: it goes before all others."""
        if node.blocks[group] >= 0:
            self._recency[group].offer(node, 0, self._count)

    # ── what goes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def evict(self, g: int, count: int) -> None:
        """Frees `count` idle blocks of a group, or as many as there are."""
        group = self._groups[g]
        while count > 0 and (node := self._recency[g].pop()) is not None:
            if node.blocks[g] < 0 or not group.pool.is_idle(node.blocks[g]):
                continue  # a node that is in use comes back by touch()
            if group.window is not None:
                group.pool.drop(node.blocks[g])
                node.blocks[g] = -1
                self.prune(node)
            elif node.children:
                continue
            else:
                self._evict_leaf(node, g)
            count -= 1

    def _evict_leaf(self, node: Node, g: int) -> None:
        parent = node.parent
        assert parent is not None, "a node that was removed has no entry that counts"
        self._remove(node)
        if parent.parent is not None and not parent.children:
            parent.last_use = max(parent.last_use, node.last_use)
            self._recency[g].offer(parent, parent.last_use, self._count)

    def forget(self, slot: int) -> None:
        """Lets go of a snapshot."""
        self.prune(self.snapshots.drop(slot))

    def prune(self, node: Node) -> None:
        """Removes a node of which nothing is left, and those above it of which nothing is left then."""
        while node.parent is not None and node.is_empty:
            parent = node.parent
            self._remove(node)
            node = parent

    def clear(self) -> None:
        """Forgets everything."""
        for node in list(self.nodes()):
            node.parent = None
            self._let_go(node)
        self._plant()

    def _remove(self, node: Node) -> None:
        parent = node.parent
        assert parent is not None and not node.children, f"the node of blocks {node.blocks} is still needed"
        del parent.children[node.key]
        del parent.keys[bisect_left(parent.keys, node.key)]
        node.parent = None
        self._count -= 1
        self._let_go(node)

    def _let_go(self, node: Node) -> None:
        for slot in list(node.snapshots.values()):
            self.snapshots.drop(slot)
        for group, block in zip(self._groups, node.blocks, strict=True):
            if block >= 0:
                group.pool.drop(block)


def _by_beginning(node: Node, text: Key) -> Iterator[tuple[Node, int]]:
    """The children that share first tokens with `text`, and how many; the longest beginning first."""
    if not text:
        return
    after = bisect_left(node.keys, text)
    before = after - 1
    lower, upper = _common(node, before, text), _common(node, after, text)
    while lower or upper:
        if lower >= upper:
            yield node.children[node.keys[before]], lower
            before -= 1
            lower = _common(node, before, text)
        else:
            yield node.children[node.keys[after]], upper
            after += 1
            upper = _common(node, after, text)


def _common(node: Node, place: int, text: Key) -> int:
    """How many first tokens the key at a place among the children's shares with `text`; 0 where there is none."""
    if not 0 <= place < len(node.keys):
        return 0
    key = node.keys[place]
    return next((i for i, (a, b) in enumerate(zip(key, text, strict=False)) if a != b), min(len(key), len(text)))
