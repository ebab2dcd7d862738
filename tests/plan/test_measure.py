"""Trials on a scripted model that knows which positions of its cache were written; rounds beside a scripted probe."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.backends.ops import CacheShape
from causerie.backends.step import Step
from causerie.errors import ContextLengthError, OutOfMemory, UsageError
from causerie.plan.measure import Trial, Workbench, cache_tokens, check
from causerie.plan.rounds import MeasuredModel, measure
from tests.plan.test_speed import decoder


@dataclass
class Watched:
    """A model whose cache remembers which position lies where; a row that looks at anything unwritten fails."""

    cache: CacheShape = field(default_factory=lambda: CacheShape(64, 8, "float32"))
    max_tokens: int = 24
    vocab: int = 11
    context: int = 512
    shared_length: int | None = None
    switch_length: int | None = None
    steps: list[Step] = field(default_factory=list)
    written: dict[tuple[int, int], int] = field(default_factory=dict)

    def run(self, step: Step) -> NDArray[np.float32]:
        self.steps.append(step)
        size = self.cache.block_size
        for source, target in step.copies:
            for offset in range(size):
                if (source, offset) in self.written:
                    self.written[target, offset] = self.written[source, offset]
        assert len(step.tokens) <= self.max_tokens and step.tokens.max() < self.vocab
        owners: set[int] = set()
        for number, (begin, end) in enumerate(pairwise(step.starts)):
            table = step.tables[step.table_starts[number] : step.table_starts[number + 1]].tolist()
            assert not owners & set(table) and max(table) < self.cache.blocks
            owners |= set(table)
            for position in step.positions[begin:end]:
                self.written[table[position // size], position % size] = position
                assert all(self.written.get((table[p // size], p % size)) == p for p in range(position + 1))
        return np.zeros((len(step.rows), self.vocab), np.float32)


TRIALS = [Trial("prefill", 30), Trial("decode", 3), Trial("prefill", 40, 50), Trial("decode", 5, 50, 4)]


def test_every_row_finds_its_past_in_the_cache() -> None:
    model = Watched()
    bench = Workbench(model)
    for trial in [*TRIALS, TRIALS[0], TRIALS[3]]:  # going back to less depth and to more again
        bench.prepare(trial)
        model.steps.clear()
        for _ in range(2):
            bench.run(trial)
        tokens = sum(len(step.tokens) for step in model.steps)
        assert tokens == 2 * trial.tokens * trial.batch
        assert {int(p) for step in model.steps for p in step.positions} == set(range(trial.depth, trial.end))
        rows = sum(len(step.rows) for step in model.steps)
        assert rows == 2 * (trial.tokens * trial.batch if trial.kind == "decode" else 1)


def test_a_decode_step_holds_one_token_of_each_sequence() -> None:
    model = Watched()
    bench = Workbench(model)
    bench.prepare(TRIALS[3])
    model.steps.clear()
    bench.run(TRIALS[3])
    assert [len(step.tokens) for step in model.steps] == [4] * 5
    assert all(not len(step.copies) for step in model.steps)


@pytest.mark.parametrize("trial", TRIALS)
def test_the_last_step_is_the_one_that_a_trial_ends_with(trial: Trial) -> None:
    model = Watched()
    bench = Workbench(model)
    bench.prepare(trial)
    bench.run(trial)
    step, last = bench.last_step(trial), model.steps[-1]
    assert all((getattr(step, name) == getattr(last, name)).all() for name in ("positions", "tables", "rows", "starts"))


def test_the_cache_asked_for_is_enough() -> None:
    tokens = cache_tokens(TRIALS)
    for block_size in (8, 16, 32, 64):
        model = Watched(CacheShape(-(-tokens // block_size), block_size, "float32"))
        for trial in TRIALS:
            Workbench(model).prepare(trial)


def test_a_cache_too_small_is_a_sentence() -> None:
    with pytest.raises(OutOfMemory, match=r"need 28 blocks of cache, and this model was loaded with 27"):
        Workbench(Watched(CacheShape(27, 8, "float32"))).prepare(TRIALS[3])


@pytest.mark.parametrize(
    ("trial", "says"),
    [
        (Trial("decode", 0), "A decode of 0 tokens in 1 sequences at depth 0 cannot be measured"),
        (Trial("decode", 1, 0, 0), "A decode of 1 tokens in 0 sequences"),
        (Trial("prefill", 1, -1), "at depth -1"),
        (Trial("decode", 1, 0, 513), "513 sequences were asked to decode at once, and a step holds 512 tokens"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(trial: Trial, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check([TRIALS[0], trial], 512)


def test_a_depth_beyond_the_context_names_the_deepest() -> None:
    check([Trial("prefill", 12, 500)], 512)
    with pytest.raises(ContextLengthError, match=r"makes 513, and the model's context holds 512\. .* at most 500"):
        check([Trial("prefill", 12, 501)], 512)


class Scripted:
    """A bench whose rounds take the seconds it was given."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = iter(seconds)
        self.prepared: list[Trial] = []

    def prepare(self, trial: Trial) -> None:
        self.prepared.append(trial)

    def run(self, trial: Trial) -> float:
        return next(self._seconds)


SPEC = decoder()
MODEL = MeasuredModel(SPEC, 4 * SPEC.parameters, "float32", "float32", "float32", 16)


def test_each_round_is_set_against_the_probe_around_it() -> None:
    trial = Trial("decode", 4, 0, 2)
    readings = iter([1e6, 3e6, 1e6])  # so the rounds have 2e6 each
    result = measure(Scripted(4.0, 8.0), trial, MODEL, lambda: next(readings), {}, 2)
    work, steps = MODEL.steps(trial)
    assert steps == 4 and result.tokens_per_second == (2.0, 1.0) and result.speed == 1.5
    assert result.shares == (4 * work.bytes / 2e6 / 4.0, 4 * work.bytes / 2e6 / 8.0)
    assert result.share == pytest.approx(sum(share or 0 for share in result.shares) / 2)
    assert result.bound == "memory" and result.bytes_per_token == work.bytes / 2


def test_a_prefill_is_as_many_steps_as_it_takes() -> None:
    trial = Trial("prefill", 40)
    work, steps = MODEL.steps(trial)
    one, _ = replace(MODEL, step_tokens=40).steps(trial)
    assert steps == 3
    assert 3 * work.operations["float32"] == pytest.approx(one.operations["float32"], rel=0.02)
    assert measure(Scripted(1.0), trial, MODEL, lambda: 1e9, {}, 1).share is None
    result = measure(Scripted(1.0), trial, MODEL, lambda: 1e9, {"float32": 1e9}, 1)
    assert result.bound == "arithmetic" and result.share == pytest.approx(3 * work.operations["float32"] / 1e9)
