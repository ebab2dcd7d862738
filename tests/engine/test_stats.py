"""What an engine says of what it does and has done, counted again from its plans and events; and what it says where a
model or the engine itself fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from causerie.backends.ops import BlockCount, StepOutput
from causerie.backends.step import Step
from causerie.engine.engine import EngineStats, PoolStats
from causerie.engine.plan import Plan
from causerie.errors import EngineError
from tests.engine.scripted import ScriptedModel
from tests.engine.test_scheduler import Watched, text


def test_steps_and_tokens_are_counted() -> None:
    engine = Watched(ScriptedModel(max_tokens=8, blocks=9, context=32))
    for start in (1, 2, 1):
        engine.start([start] * 13, max_tokens=12, prompt_progress=True)
    events = engine.finish()
    stats = engine.stats()
    ends = [found[-1].stats for found in events.values()]
    works = [plan for plan in engine.plans if plan.works]
    assert (stats.running, stats.waiting, stats.steps) == (0, 0, len(works))
    assert stats.read_tokens == sum(len(work.tokens) for plan in works for work in plan.works)
    assert stats.new_tokens == sum(len(text(found)) for found in events.values()) == 36
    assert stats.cached_tokens == sum(end.cached_tokens for end in ends if end) >= 12
    assert stats.preemptions == sum(end.preemptions for end in ends if end) > 0


def test_blocks_are_counted_by_group_and_together() -> None:
    model = ScriptedModel(blocks=20, context=60, windows=(BlockCount(10, 8),), slots=4)
    engine = Watched(model)
    assert engine.stats().groups == (PoolStats(20, 20, 0), PoolStats(10, 10, 0, 8))
    engine.start([1] * 6, max_tokens=1)
    engine.finish()
    engine.start([2] * 6, max_tokens=9)
    engine.step()
    stats = engine.stats()
    assert (stats.running, stats.waiting) == (1, 0)
    assert [(each.busy, each.idle, each.free) for each in (*stats.groups, stats.slots)] == [
        (2, 2, 16),
        (2, 2, 6),
        (1, 2, 1),  # what was remembered after a block and after the whole
    ]
    assert (stats.blocks, stats.free_blocks, stats.kept_blocks) == (30, 22, 4)


def test_who_waits_is_counted() -> None:
    engine = Watched(ScriptedModel(max_tokens=2))
    assert not engine.busy
    for start in range(5):
        engine.start([start] * 2, max_tokens=2)
    assert (engine.busy, engine.stats().waiting) == (True, 5)
    engine.step()
    assert (engine.stats().running, engine.stats().waiting) == (2, 3)
    nothing = EngineStats(0, 0, 0, 0, 0, 0, 0, (), PoolStats(0, 0, 0))
    assert (nothing.blocks, nothing.free_blocks, nothing.kept_blocks) == (0, 0, 0)


@pytest.mark.parametrize("vocab", [32, 8192, 8193, 100_000, 262_144, 5_000_000])
def test_the_logits_of_a_step_take_64_megabytes_at_most(vocab: int) -> None:
    """But those of eight rows are always allowed. As many as that run at a time."""
    model = ScriptedModel(max_tokens=2048, blocks=8000)
    model.vocab = vocab
    engine = Watched(model)
    rows = engine._scheduler._max_rows
    assert rows == 8 or 4 * vocab * rows <= 64 << 20
    assert rows == 2048 or 4 * vocab * (rows + 1) > 64 << 20
    for start in range(rows + 1):
        engine.start([start % 30], max_tokens=1)
    plan = engine._scheduler.schedule()
    assert (len(plan.works), engine.stats().waiting) == (rows, 1)


@pytest.mark.parametrize("fails", [False, True])
def test_an_end_that_needs_no_pass_is_told_before_the_next_one(fails: bool) -> None:
    """A pass may take long, and who ended a request waits to hear what it has cost."""
    model = ScriptedModel(fail_at=frozenset({3}) if fails else frozenset())
    engine = Watched(model)
    ended, other = engine.start([1, 2], max_tokens=9), engine.start([3, 4], max_tokens=9)
    for _ in range(3):
        engine.step()
    engine.cancel(ended)
    told: list[tuple[int, int, str | None]] = []
    events = engine.step(lambda event: told.append((model.runs, event.request, event.finish_reason)))
    assert told == [(3, ended, "cancelled")] and model.runs == 4
    assert [(event.request, event.finish_reason) for event in events] == [(other, "error" if fails else None)]
    rest = engine.finish()
    assert ended not in rest and (other in rest) != fails


def test_an_engine_that_comes_to_nothing_says_so() -> None:
    """And does not turn round and round for ever."""
    engine = Watched(ScriptedModel())
    engine.start([1, 2], max_tokens=2)
    engine._scheduler.schedule = lambda: Plan(())  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="Requests wait although nothing runs"):
        engine.step()
    idle = Watched(ScriptedModel())
    assert idle.step() == [] and not idle.busy


class Narrow(ScriptedModel):
    """A model that forgets the last of its vocabulary."""

    def run(self, step: Step) -> StepOutput:
        output = super().run(step)
        return replace(output, logits=output.logits[:, :-1])


def test_logits_of_another_shape_are_an_error() -> None:
    engine = Watched(Narrow())
    asked = engine.start([1, 2, 3], max_tokens=2)
    (end,) = engine.finish()[asked]
    assert "The model gave logits (1, 31) where (1, 32) were wanted." in str(end.error)


def test_an_interrupted_step_is_told_by_the_next() -> None:
    """Of all its requests; who waited goes on. It is no step that was made."""
    model = ScriptedModel(max_tokens=2)
    engine = Watched(model)
    numbers = [engine.start([start, start], max_tokens=2) for start in range(3)]

    def interrupt(step: Step) -> StepOutput:
        raise KeyboardInterrupt

    run, model.run = model.run, interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        engine.step()
    assert engine.busy and engine.stats().steps == 0
    model.run = run  # type: ignore[method-assign]
    events = engine.finish()
    interrupted = [number for number in numbers if events[number][-1].error == "The step was interrupted."]
    assert interrupted == numbers[:2] and [len(text(events[number])) for number in numbers] == [0, 0, 2]
