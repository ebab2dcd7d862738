"""From a plan to the flat arrays of a `Step`. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from causerie.backends.step import BlockTables, Int32, Step
from causerie.engine.plan import Plan, Work

_NO_PAIRS = np.zeros((0, 2), np.int32)


def build(plan: Plan, tapped: bool = False) -> Step:
    """The step that does a plan's work, rows in the plan's order; `tapped` as in Step."""
    works = plan.works
    starts = list(accumulate((len(work.tokens) for work in works), initial=0))
    if starts[-1] == len(works):  # one row each: nothing but next tokens
        positions = np.array([work.start for work in works], dtype=np.int32)
        lengths = np.array([work.turned for work in works], dtype=np.int32)
    else:
        positions = np.concatenate(
            [np.arange(work.start, work.start + len(work.tokens), dtype=np.int32) for work in works]
        )
        lengths = np.repeat(
            np.array([work.turned for work in works], dtype=np.int32),
            np.array([len(work.tokens) for work in works]),
        )
    ends = starts[1:]
    rows = [row for end, work in zip(ends, works, strict=True) for row in range(end - work.wants, end)]
    pooled = [row for end, work in zip(ends, works, strict=True) for row in range(end - work.pools, end)]
    return Step(
        tokens=np.concatenate([np.array(work.tokens, dtype=np.int32) for work in works]),
        positions=positions,
        starts=np.array(starts, dtype=np.int32),
        tables=tuple([_tables(plan, group) for group in range(len(works[0].tables))]),
        slots=_slots(works),
        rows=np.array(rows, dtype=np.int32),
        rope_lengths=np.maximum(lengths, positions + np.int32(1)),
        state_rows=np.array(pooled, dtype=np.int32),
        tapped=tapped,
    )


def _tables(plan: Plan, group: int) -> BlockTables:
    """The blocks of one page group."""
    tables = [work.tables[group] for work in plan.works]
    return BlockTables(
        blocks=np.concatenate([np.array(table, dtype=np.int32) for table in tables]),
        starts=np.array(list(accumulate(map(len, tables), initial=0)), dtype=np.int32),
        copies=np.array(plan.copies[group], dtype=np.int32).reshape(-1, 2) if plan.copies else _NO_PAIRS,
    )


def _slots(works: Sequence[Work]) -> Int32:
    """The slots of every work, or none where no layer keeps one: else each writes one."""
    if works[0].slots[1] < 0:
        return _NO_PAIRS
    return np.array([work.slots for work in works], dtype=np.int32)
