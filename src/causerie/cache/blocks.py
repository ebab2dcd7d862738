"""Which cache blocks are free and who holds the others. Counts only: it knows no tokens, no sequences and no memory.

A block is a number from 0. It has one reference for every sequence whose table names it, one more while the prefix
index keeps it, and returns to the free list when the last one goes. Slots are counted in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import add

from causerie.errors import EngineError


class BlockPool:
    """`total` blocks of `block_size` positions."""

    def __init__(self, total: int, block_size: int) -> None:
        self.total = total
        self.block_size = block_size
        self.idle = 0  # blocks that only the prefix index holds: they can be had by evicting
        self._counts = [0] * total
        self._index = bytearray(total)  # 1 where the prefix index holds a reference
        self._free = list(range(total - 1, -1, -1))

    @property
    def free(self) -> int:
        """Blocks that nobody holds."""
        return len(self._free)

    @property
    def available(self) -> int:
        """Blocks that a sequence could get, by evicting where needed."""
        return len(self._free) + self.idle

    def blocks_for(self, positions: int) -> int:
        """How many blocks that many positions take."""
        return -(-positions // self.block_size)

    def allocate(self, count: int) -> list[int]:
        """Takes `count` free blocks, one reference each. Raises EngineError when fewer are free."""
        if count > len(self._free):
            raise EngineError(f"{count} cache blocks were asked for and {len(self._free)} of {self.total} are free.")
        blocks = [self._free.pop() for _ in range(count)]
        for block in blocks:
            self._counts[block] = 1
        return blocks

    def share(self, block: int) -> None:
        """One more holder of a block that is already held."""
        count = self._counts[block]
        if count < 1:
            raise EngineError(f"Cache block {block} was shared while nobody held it.")
        if count == 1 and self._index[block]:
            self.idle -= 1
        self._counts[block] = count + 1

    def release(self, block: int) -> None:
        """One holder fewer; the last one frees the block."""
        count = self._counts[block] - 1
        if count < 0:
            raise EngineError(f"Cache block {block} was released more often than it was held.")
        self._counts[block] = count
        if count == 0:
            self._free.append(block)
        elif count == 1 and self._index[block]:
            self.idle += 1

    def keep(self, block: int) -> None:
        """The prefix index becomes one more holder of a block that a sequence holds."""
        if self._index[block]:
            raise EngineError(f"Cache block {block} was put into the prefix index twice.")
        self.share(block)
        self._index[block] = 1

    def drop(self, block: int) -> None:
        """The prefix index lets go of a block."""
        if not self._index[block]:
            raise EngineError(f"Cache block {block} was dropped from a prefix index that did not hold it.")
        if self._counts[block] == 1:
            self.idle -= 1
        self._index[block] = 0
        self.release(block)

    def is_idle(self, block: int) -> bool:
        """Whether only the prefix index holds the block."""
        return self._counts[block] == 1 and self._index[block] == 1

    def is_kept(self, block: int) -> bool:
        """Whether the prefix index holds the block, alone or not."""
        return self._index[block] == 1

    def holders(self, block: int) -> int:
        """How many sequences hold the block."""
        return self._counts[block] - self._index[block]

    def check_integrity(self, tables: Iterable[Iterable[int]], entries: Iterable[int]) -> None:
        """Compares the counts with who really holds what: the tables of all sequences and the blocks of the prefix
        index. Raises EngineError with the first value that disagrees."""
        holders, index = [0] * self.total, bytearray(self.total)
        for table in tables:
            for block in table:
                holders[block] += 1
        for block in entries:
            index[block] += 1
        expected = list(map(add, holders, index))
        if expected != self._counts or index != self._index:
            block = next(b for b in range(self.total) if (expected[b], index[b]) != (self._counts[b], self._index[b]))
            raise EngineError(
                f"Cache block {block} counts {self._counts[block]} holders; {holders[block]} sequences and "
                f"{index[block]} prefix entries hold it."
            )
        if len(set(self._free)) != len(self._free) or any(map(self._counts.__getitem__, self._free)):
            raise EngineError("The free list names a cache block twice, or one that is held.")
        if len(self._free) != self._counts.count(0):
            lost = self._counts.count(0) - len(self._free)
            raise EngineError(f"{lost} of {self.total} cache blocks are neither free nor held.")
        idle = sum(1 for sequences, entry in zip(holders, index, strict=True) if entry and not sequences)
        if idle != self.idle:
            raise EngineError(f"{idle} cache blocks are idle and {self.idle} were counted.")
