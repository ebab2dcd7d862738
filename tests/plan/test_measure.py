"""Trials on a scripted model that knows which positions of its cache were written; rounds beside a scripted probe."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest

from causerie.backends.ops import BlockCount, CacheShape, StepOutput
from causerie.backends.step import BlockTables, Step
from causerie.errors import ContextLengthError, OutOfMemory, UsageError
from causerie.plan.measure import Trial, Workbench, cache_tokens, check
from causerie.plan.rounds import MeasuredModel, measure
from causerie.plan.speed import active_bytes, step_work
from tests.plan.test_speed import decoder


def shape(blocks: int, size: int, *windows: BlockCount, slots: int = 0) -> CacheShape:
    return CacheShape((BlockCount(blocks), *windows), size, "float32", slots)


@dataclass
class Watched:
    """A model whose cache remembers which position lies where; a row that looks at anything unwritten fails. What a
    window lets be seen, and a slot, may be of positions that were written later, where it is not `fresh`; a slot of
    others than the first sequence is always one of these."""

    cache: CacheShape = field(default_factory=lambda: shape(64, 8))
    max_tokens: int = 24
    vocab: int = 11
    context: int = 512
    shared_length: int | None = None
    switch_length: int | None = None
    fresh: bool = False
    steps: list[Step] = field(default_factory=list)
    written: dict[tuple[int, int, int], int] = field(default_factory=dict)  # position, by group, block and offset
    states: dict[int, int] = field(default_factory=dict)  # how many positions a slot has seen

    def run(self, step: Step) -> StepOutput:
        self.steps.append(step)
        assert len(step.tokens) <= self.max_tokens and step.tokens.max() < self.vocab
        assert (step.rope_lengths == step.positions + 1).all()
        for group, tables in enumerate(step.tables):
            self._run_group(step, group, tables)
        assert len(step.slots) == (step.sequences if self.cache.slots else 0)
        written = step.slots[:, 1].tolist()
        assert len(set(written)) == len(written) and max(written, default=0) <= self.cache.slots
        for (read, write), begin, end in zip(step.slots.tolist(), step.starts, step.starts[1:], strict=False):
            first = step.positions[begin]
            assert (read < 0) == (first == 0) and (read < 0 or read in self.states)
            assert first == (0 if read < 0 else self.states[read]) or begin or not self.fresh
            assert read == write or read not in written
            self.states[write] = int(step.positions[end - 1]) + 1
        return StepOutput(np.zeros((len(step.rows), self.vocab), np.float32), np.zeros((0, 3), np.float32))

    def _run_group(self, step: Step, group: int, tables: BlockTables) -> None:
        size, window = self.cache.block_size, self.cache.groups[group].window
        for source, target in tables.copies.tolist():
            for offset in range(size):
                if (group, source, offset) in self.written:
                    self.written[group, target, offset] = self.written[group, source, offset]
        owners: set[int] = set()
        for number, (begin, end) in enumerate(pairwise(step.starts)):
            table = tables.blocks[tables.starts[number] : tables.starts[number + 1]].tolist()
            there = [block for block in table if block >= 0]
            assert not owners & set(there) and max(there) < self.cache.groups[group].blocks
            assert len(set(there)) == len(there)
            owners |= set(there)
            for position in step.positions[begin:end].tolist():
                assert table[position // size] >= 0
                self.written[group, table[position // size], position % size] = position
                first = 0 if window is None else max(0, position - window + 1)
                for p in range(first, position + 1):
                    found = self.written[group, table[p // size], p % size]
                    assert found == p or not (window is None or self.fresh)


TRIALS = [Trial("prefill", 30), Trial("decode", 3), Trial("prefill", 40, 50), Trial("decode", 5, 50, 4)]
HYBRID = shape(64, 8, BlockCount(15, 12), slots=4)


@pytest.mark.parametrize("cache", [shape(64, 8), HYBRID], ids=["pages", "windows and slots"])
def test_every_row_finds_its_past_in_the_cache(cache: CacheShape) -> None:
    model = Watched(cache)
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


@pytest.mark.parametrize("trial", TRIALS)
def test_a_window_and_a_slot_are_filled_up_to_the_depth(trial: Trial) -> None:
    model = Watched(HYBRID, fresh=True)
    Workbench(model).prepare(trial)
    assert [len(step.tokens) for step in model.steps][-1] == (trial.batch if trial.kind == "decode" else 24)


def test_a_window_too_small_and_too_few_slots_are_sentences() -> None:
    with pytest.raises(OutOfMemory, match=r"need 15 blocks of cache.* with 14\. Load it with max_cache_tokens=1024\."):
        Workbench(Watched(shape(64, 8, BlockCount(14, 12)))).prepare(TRIALS[3])
    with pytest.raises(OutOfMemory, match=r"4 sequences at once need as many slots of cache, .* loaded with 3\."):
        Workbench(Watched(shape(64, 8, slots=3))).prepare(TRIALS[3])


def test_a_decode_step_holds_one_token_of_each_sequence() -> None:
    model = Watched()
    bench = Workbench(model)
    bench.prepare(TRIALS[3])
    model.steps.clear()
    bench.run(TRIALS[3])
    assert [len(step.tokens) for step in model.steps] == [4] * 5
    assert all(not len(step.tables[0].copies) for step in model.steps)


@pytest.mark.parametrize("trial", TRIALS)
def test_the_last_step_is_the_one_that_a_trial_ends_with(trial: Trial) -> None:
    model = Watched()
    bench = Workbench(model)
    bench.prepare(trial)
    bench.run(trial)
    step, last = bench.last_step(trial), model.steps[-1]
    assert all((getattr(step, name) == getattr(last, name)).all() for name in ("positions", "rows", "starts"))
    assert (step.tables[0].blocks == last.tables[0].blocks).all()


def test_the_cache_asked_for_is_enough() -> None:
    tokens = cache_tokens(TRIALS)
    for block_size in (8, 16, 32, 64):
        model = Watched(shape(-(-tokens // block_size), block_size))
        for trial in TRIALS:
            Workbench(model).prepare(trial)


def test_a_cache_too_small_is_a_sentence() -> None:
    with pytest.raises(OutOfMemory, match=r"need 28 blocks of cache, and this model was loaded with 27"):
        Workbench(Watched(shape(27, 8))).prepare(TRIALS[3])


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
    bench = Scripted(4.0, 8.0)
    result = measure(bench, trial, MODEL, lambda: next(readings), {}, 2)
    assert bench.prepared == [trial]
    work, steps = MODEL.steps(trial)
    assert steps == 4 and result.tokens_per_second == (2.0, 1.0) and result.speed == 1.5
    assert result.shares == (4 * work.bytes / 2e6 / 4.0, 4 * work.bytes / 2e6 / 8.0)
    assert result.share == pytest.approx(sum(share or 0 for share in result.shares) / 2)
    assert result.bound == "memory" and result.bytes_per_token == work.bytes / 2


def test_a_middle_step_is_the_mean_of_all_of_a_decode() -> None:
    trial = Trial("decode", 5, 7, 2)
    work, steps = MODEL.steps(trial)
    read = active_bytes(SPEC, MODEL.weight_bytes, "float32")
    formats = ("float32", "float32")
    each = [step_work(SPEC, read, formats, rows=1, depth=depth, sequences=2, outputs=2) for depth in range(7, 12)]
    assert steps == 5 and steps * work.bytes == pytest.approx(sum(one.bytes for one in each))
    assert steps * work.operations["float32"] == pytest.approx(sum(one.operations["float32"] for one in each))


def test_a_prefill_is_as_many_steps_as_it_takes() -> None:
    trial = Trial("prefill", 40)
    work, steps = MODEL.steps(trial)
    one, _ = replace(MODEL, step_tokens=40).steps(trial)
    assert steps == 3
    assert 3 * work.operations["float32"] == pytest.approx(one.operations["float32"], rel=0.02)
    assert measure(Scripted(1.0), trial, MODEL, lambda: 1e9, {}, 1).share is None
    result = measure(Scripted(1.0), trial, MODEL, lambda: 1e9, {"float32": 1e9}, 1)
    assert result.bound == "arithmetic" and result.share == pytest.approx(3 * work.operations["float32"] / 1e9)
