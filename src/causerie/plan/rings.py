"""Where sequences that are measured have their pages: always in the same blocks, so that what is filled stays filled.
Knows a cache's shape, no model and no step.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from causerie.backends.ops import CacheShape
from causerie.cache.blocks import BlockPool
from causerie.cache.groups import Group
from causerie.engine.plan import Copies


@dataclass(frozen=True)
class Ring:
    """The blocks of one page group. Block i of a sequence lies at the (i % count)-th place of its own: the first one,
    which reads many rows in a step, may have more places than another, which goes on by one."""

    first: Group
    other: Group
    length: int  # of each sequence, in tokens

    def count(self, sequence: int) -> int:
        """How many places a sequence has."""
        return self._group(sequence).most(0, self.length)

    def table(self, sequence: int, start: int) -> array[int]:
        """A sequence's blocks for a step that begins at position `start`."""
        group, count = self._group(sequence), self.count(sequence)
        base = 0 if sequence == 0 else self.count(0) + (sequence - 1) * count
        begun, end = group.first(start), group.end(start, self.length)
        return array("i", [-1] * begun + [base + block % count for block in range(begun, end)])

    def _group(self, sequence: int) -> Group:
        return self.first if sequence == 0 else self.other


class Rings:
    """The blocks of sequences of `length` tokens; the first one reads up to `rows` tokens in a step."""

    def __init__(self, cache: CacheShape, length: int, rows: int) -> None:
        pool = BlockPool(0, cache.block_size)
        self._rings = [
            Ring(Group(pool, each.window, rows), Group(pool, each.window, 1), length) for each in cache.groups
        ]
        self._size = cache.block_size

    def blocks(self, sequences: int) -> list[int]:
        """How many blocks that many sequences need in each group."""
        return [sum(map(ring.count, range(sequences))) for ring in self._rings]

    def tables(self, sequence: int, start: int) -> tuple[array[int], ...]:
        """Where a sequence's pages lie in each group, for a step that begins at position `start`."""
        return tuple(ring.table(sequence, start) for ring in self._rings)

    def copies(self, depth: int, sequences: int) -> list[Copies]:
        """What gives each sequence but the first all that is seen of the first one's positions before `depth`."""
        count = -(-depth // self._size)
        copies: list[Copies] = []
        for ring in self._rings:
            source = ring.table(0, depth)
            targets = [ring.table(sequence, depth) for sequence in range(1, sequences)]
            blocks = [block for block in range(count) if source[block] >= 0]
            copies.append(tuple((source[block], target[block]) for target in targets for block in blocks))
        return copies
