"""From a plan to the flat arrays of a `Step`. It decides nothing."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from causerie.backends.step import Step
from causerie.engine.plan import Plan


def build(plan: Plan) -> Step:
    """The step that does a plan's work, rows in the plan's order."""
    works = plan.works
    starts = list(accumulate((len(work.tokens) for work in works), initial=0))
    tables = list(accumulate((len(work.table) for work in works), initial=0))
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
        tables=np.concatenate([np.array(work.table, dtype=np.int32) for work in works]),
        table_starts=np.array(tables, dtype=np.int32),
        rows=np.array(rows, dtype=np.int32),
        rope_lengths=np.maximum(lengths, positions + np.int32(1)),
        copies=np.array(plan.copies, dtype=np.int32).reshape(-1, 2),
        state_rows=np.array(pooled, dtype=np.int32),
    )
