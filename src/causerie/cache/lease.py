"""What one sequence holds of the cache. Plain data: the book changes it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from causerie.cache.node import Node


@dataclass(slots=True)
class Lease:
    """The blocks of one sequence in each page group, and its slots. Position p lies in `table[p // block_size]` of each
    group's table: shared with the prefix index and others, or its own."""

    tables: tuple[array[int], ...]  # int32 block numbers
    begun: list[int]  # of each table, how many first blocks slid out of the window; -1 stands in their place
    node: Node  # the deepest block of the tables that is in the index
    indexed: int  # how many leading blocks of the tables are in the index
    cached: int  # positions that were read before
    shareable: int  # positions below this one may be used by others
    length: int  # tokens of the sequence when it began
    room: int = 0  # for how many positions from the first on every table has blocks
    copies: tuple[tuple[int, int], ...] = ()  # (from, to) in each group: to be done before the first step
    slot: int = -1  # what convolutions and recurrences remembered of all that is filled; -1 where nothing is
    written: int = -1  # the slot that the next step writes to, the same or another; -1 where none is set aside


@dataclass(frozen=True, slots=True)
class Pin:
    """Blocks that copies of the next step read."""

    node: Node
    blocks: tuple[int, ...]  # of each group
