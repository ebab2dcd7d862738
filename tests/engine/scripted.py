"""A model without weights: its logits depend on all tokens before, which it reads through a cache like a real one's.
And a drafter that is told what the answers will be.

Every cell of its cache, in each page group, holds a hash of all tokens up to its position, as a key or value depends on
them, and a slot holds the hash after a sequence's last row. Reading checks that the cells within a group's window form
one unbroken history that agrees with the slot, and writing that nobody else sees the block or the slot, so any mistake
in sharing, copying or freeing them is an error at the step that makes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.ops import BlockCount, CacheShape, StepOutput
from causerie.backends.step import BlockTables, Step
from causerie.decoding.drafting.drafter import Ask, Draft, Drafter
from causerie.engine.speculation.controller import Controller, Prospect

_MASK = (1 << 64) - 1


def mix(before: int, token: int, turn: int) -> int:
    """The hash of a history one token longer (constants of splitmix64, Steele et al., 2014)."""
    value = (before ^ (token * 0x9E3779B97F4A7C15) ^ (turn * 0xD1342543DE82EF95)) + 0x9E3779B97F4A7C15 & _MASK
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ScriptedModel:
    """A `StepModel`. `fail_at` lists the runs (from 0) that raise. Beside a group of `blocks` that looks back to the
    beginning, where it is `full`, there are those of `windows`, some larger than 1 where nothing else is kept."""

    vocab: int = 32
    context: int = 64
    blocks: int = 16
    block_size: int = 4
    full: bool = True
    windows: tuple[BlockCount, ...] = ()
    slots: int = 0
    max_tokens: int = 8
    shared_length: int | None = None
    switch_length: int | None = None
    fail_at: frozenset[int] = frozenset()
    seconds: float = 0.0  # that a run takes on `clock`
    clock: Clock = field(default_factory=Clock)
    verify: bool = True  # False skips the reading, for measuring the engine alone
    runs: int = 0
    rows_run: int = 0

    def __post_init__(self) -> None:
        self.groups = (BlockCount(self.blocks),) * self.full + self.windows
        size = self.block_size
        self.cells = [[(0, 0)] * (each.blocks * size) for each in self.groups]  # (hash before, after); 0 is unwritten
        self.states = [(0, 0)] * self.slots  # (positions read, hash after them)
        self.table = np.random.default_rng(7).normal(size=(512, self.vocab)).astype(np.float32) * 3

    @property
    def cache(self) -> CacheShape:
        return CacheShape(self.groups, self.block_size, "float32", self.slots)

    @property
    def room(self) -> int:
        """The longest sequence: by the context and by every group that cannot hold a window and a step's rows."""
        return min([self.context, *(each.blocks * self.block_size for each in self.groups if self._is_short(each))])

    def _is_short(self, each: BlockCount) -> bool:
        if each.window is None:
            return True
        reach, size = each.window - 1 + self.max_tokens, self.block_size
        return each.blocks < max((start + reach - 1) // size + 1 for start in range(size))

    def run(self, step: Step) -> StepOutput:
        """Hidden states are the first three logits of a row, so that they depend on all tokens before."""
        self.runs += 1
        self.rows_run += len(step.tokens)
        assert 0 < len(step.tokens) <= self.max_tokens, f"{len(step.tokens)} rows"
        self._copy(step)
        if self.runs - 1 in self.fail_at:
            raise RuntimeError("scripted failure")
        self.clock.now += self.seconds
        if not self.verify:
            return self._output(step, step.tokens * 31 + step.positions)
        hashes: list[int] = []
        self._check_ownership(step)
        for number in range(step.sequences):
            hashes += self._read(step, number)
        return self._output(step, np.array(hashes, np.uint64))

    def alone(self, tokens: list[int], prompt: int) -> NDArray[np.float32]:
        """The logits after `tokens`, without any cache: the first `prompt` of them were the prompt."""
        value = 0
        if self.switch_length is not None:
            prompt = max(prompt, len(tokens))  # grown beyond it, all of the sequence was read again
        for position, token in enumerate(tokens):
            value = mix(value, token, self._turn(max(prompt, position + 1)))
        return self.table[value % 512]

    def _output(self, step: Step, rows: NDArray[Any]) -> StepOutput:
        """What follows from a number for each row."""
        at = (rows % 512).astype(np.int64)
        return StepOutput(self.table[at[step.rows]], self.table[at[step.state_rows], :3])

    def _turn(self, rope_length: int) -> int:
        """What a length-dependent rotation adds to a key."""
        if self.shared_length is None or rope_length <= self.shared_length:
            return 0
        return rope_length if self.switch_length is None else 1

    def _copy(self, step: Step) -> None:
        size = self.block_size
        for cells, tables in zip(self.cells, step.tables, strict=True):
            targets = [target for _, target in tables.copies.tolist()]
            sources = [source for source, _ in tables.copies.tolist()]
            assert len(set(targets)) == len(targets), f"copied twice to one block: {targets}"
            assert not set(targets) & set(sources), f"copied from a copy: {tables.copies.tolist()}"
            for source, target in tables.copies.tolist():
                cells[target * size : (target + 1) * size] = cells[source * size : (source + 1) * size]

    def _check_ownership(self, step: Step) -> None:
        for group in step.tables:
            tables = [_table(group, number) for number in range(step.sequences)]
            holders = Counter(block for table in tables for block in set(table) - {-1})
            for number, table in enumerate(tables):
                there = [block for block in table if block >= 0]
                assert len(set(there)) == len(there), f"a block twice in one table: {table}"
                for position in step.positions[step.starts[number] : step.starts[number + 1]].tolist():
                    block = table[position // self.block_size]
                    assert holders[block] == 1, f"block {block} is written while {holders[block]} sequences hold it"
        assert step.slots.shape == (step.sequences if self.slots else 0, 2), step.slots
        reading = Counter(step.slots[:, 0].tolist())
        for read, written in step.slots.tolist():
            assert reading[written] == (read == written), f"slot {written} is written while others read it"
        assert len(set(step.slots[:, 1].tolist())) == len(step.slots), f"a slot is written twice: {step.slots.tolist()}"

    def _read(self, step: Step, number: int) -> list[int]:
        """The hash after each of a sequence's rows, writing them on the way."""
        tables = [_table(group, number) for group in step.tables]
        rows = range(step.starts[number], step.starts[number + 1])
        positions = step.positions[rows.start : rows.stop].tolist()
        assert positions == list(range(positions[0], positions[0] + len(positions))), positions
        value = self._history(step, number, tables, positions[0])
        hashes = []
        for row, position in zip(rows, positions, strict=True):
            after = mix(value, int(step.tokens[row]), self._turn(int(step.rope_lengths[row])))
            for cells, table in zip(self.cells, tables, strict=True):
                cells[self._cell(table, position)] = (value, after)
            value = after
            hashes.append(value)
        if self.slots:
            self.states[step.slots[number, 1]] = (positions[-1] + 1, value)
        return hashes

    def _history(self, step: Step, number: int, tables: list[list[int]], start: int) -> int:
        """The hash of a sequence's first `start` tokens, as each group and the slot have it."""
        values: set[int] = set()
        if self.slots:
            read = int(step.slots[number, 0])
            assert (read < 0) == (start == 0), f"slot {read} is read at position {start}"
            position, value = self.states[read] if start else (0, 0)
            assert position == start, f"the slot of sequence {number} has seen {position} tokens of {start}"
            values.add(value)
        for each, cells, table in zip(self.groups, self.cells, tables, strict=True):
            first = 0 if each.window is None else max(0, start - each.window + 1)
            gone = first // self.block_size
            assert table[:gone] == [-1] * gone, f"blocks that nobody sees any more are held: {table}"
            assert min(table[gone:]) >= 0, f"blocks that are seen are gone: {table}"
            seen = [cells[self._cell(table, position)] for position in range(first, start)]
            assert all(after for _, after in seen), f"sequence {number} sees what was not written"
            assert [before for before, _ in seen[1:]] == [after for _, after in seen[:-1]], "another text's position"
            if seen:
                values.add(seen[-1][1])
                assert first or seen[0][0] == 0, "another text's beginning"
        assert len(values or {0}) == 1, f"groups and slot of sequence {number} hold different texts"
        return values.pop() if values else 0

    def _cell(self, table: list[int], position: int) -> int:
        block = table[position // self.block_size]
        assert block >= 0, f"position {position} has no block: {table}"
        return block * self.block_size + position % self.block_size


def _table(tables: BlockTables, number: int) -> list[int]:
    return tables.blocks[tables.starts[number] : tables.starts[number + 1]].tolist()


@dataclass
class ScriptedDrafter:
    """A `Drafter` that knows the answers and is wrong, short or silent at random. It checks what it is told."""

    vocab: int
    right: float = 1.0  # how likely each of its tokens is the one that comes
    silent: float = 0.0  # how likely it has no idea
    longest: int = 1000
    seed: int = 0
    texts: dict[int, list[int]] = field(default_factory=dict)  # by request: its prompt and answer
    told: dict[int, list[int]] = field(default_factory=dict)  # by request that has not ended: what it last had
    proposed: int = 0
    name: str = "scripted"
    chances: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        drafts = [self.draft(ask.request, ask.tokens, ask.most) for ask in asks]
        return [Draft(draft, [0] * len(draft)) for draft in drafts]

    def draft(self, request: int, tokens: Sequence[int], most: int) -> list[int]:
        now, before = list(tokens), self.told.get(request, [])
        assert most >= 1
        assert now[: len(before)] == before, "a token that was drawn is there no more"
        text = self.texts[request]
        assert now == text[: len(now)], "a token that was not drawn"
        self.told[request] = now
        if self._random.random() < self.silent:
            return []
        draft = text[len(now) : len(now) + self._random.randint(1, self.longest)][:most]
        while len(draft) < min(most, self.longest) and self.right < 1:  # beyond its end
            draft.append(self._random.randrange(self.vocab))
        draft = [token if self._random.random() < self.right else self._random.randrange(self.vocab) for token in draft]
        self.proposed += len(draft)
        return draft

    def forget(self, request: int) -> None:
        self.told.pop(request, None)


class Eager(Controller):
    """Checks all that is drafted, whatever it costs, as far as there are rows: evenly shared, and what one leaves is
    for those after it."""

    def turn(self, drafter: str, request: int) -> int:
        return 0

    def pause(self, rows: int) -> int:
        return 0

    def spends(self, rows: int) -> bool:
        return True

    def prospect(
        self, drafter: str, request: int, rival: Sequence[float], rows: int, sequences: int
    ) -> Prospect | None:
        return Prospect(True, 64, (), 0.0)

    def depths(self, survivals: Sequence[Sequence[float]], rows: int, most: int, read_again: bool) -> list[int]:
        depths = []
        for place, chances in enumerate(survivals):
            depths.append(min(len(chances), -(-most // (len(survivals) - place))))
            most -= depths[-1]
        return depths

    def survivals(self, drafter: str, request: int, evidence: Sequence[int]) -> list[float]:
        return [1.0] * len(evidence)


def eager(drafter: Drafter) -> Eager:
    return Eager({drafter.name: drafter.chances})
