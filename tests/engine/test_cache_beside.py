"""A cache beside another's makes copies once, before the next pass over it; each head has one of its own."""

from __future__ import annotations

import numpy as np

from causerie.backends.ops import BlockCount, CacheShape, StepOutput
from causerie.backends.step import BlockTables, Step
from causerie.engine.assistant.cache_beside import CacheBeside
from causerie.engine.assistant.lone_heads import LoneHeadsDrafter

NONE = np.zeros((0, 2), np.int32)


class Recording:
    """A `StepModel` that remembers what each step copies in each page group."""

    vocab, context, max_tokens, shared_length, switch_length = 11, 64, 8, None, None
    cache = CacheShape((BlockCount(4, None),), 4, "float32")

    def __init__(self) -> None:
        self.copies: list[list[list[list[int]]]] = []

    def run(self, step: Step) -> StepOutput:
        self.copies.append([table.copies.tolist() for table in step.tables])
        return StepOutput(np.zeros((0, 11), np.float32), np.zeros((0, 2), np.float32))


def step(groups: int = 1) -> Step:
    one = np.zeros(1, np.int32)
    tables = BlockTables(one, np.array([0, 1], np.int32), NONE)
    return Step(one, one, np.array([0, 1], np.int32), (tables,) * groups, NONE, one[:0], one + np.int32(1))


def test_copies_are_made_once_by_whichever_pass_comes_first() -> None:
    cache, models = CacheBeside(), (Recording(), Recording())
    first, second = (cache.beneath(model) for model in models)
    first.run(step())
    cache.copy([(1, 2)])
    cache.copy([(3, 0)])
    second.run(step(groups=2))
    first.run(step())
    assert models[0].copies == [[[]], [[]]] and models[1].copies == [[[[1, 2], [3, 0]]] * 2]
    assert (first.vocab, first.context, first.cache) == (11, 64, Recording.cache)
    assert (first.max_tokens, first.shared_length, first.switch_length) == (8, None, None)


def test_each_lone_head_copies_in_its_own_cache() -> None:
    models = [Recording(), Recording()]
    drafter = LoneHeadsDrafter(models, Recording(), layers=3)
    drafter.witness([], [[(0, 1)]])
    for head in drafter._heads:
        head.run(step())
        head.run(step())
    assert [model.copies for model in models] == [[[[[0, 1]]], [[]]]] * 2
