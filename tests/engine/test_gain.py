"""How many times as fast answers came as without guesses, against counting steps that all take as long."""

from __future__ import annotations

from typing import Any

import pytest

from causerie.backends.ops import StepOutput
from causerie.backends.step import Step
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.engine.request import RequestStats, TokenEvent
from causerie.engine.speculation.gain import Gain
from tests.engine.scripted import ScriptedModel
from tests.engine.test_drafting import Drafted
from tests.engine.test_scheduler import Watched


def stats_of(events: list[TokenEvent]) -> RequestStats:
    stats = events[-1].stats
    assert stats is not None
    return stats


def warmed(model: ScriptedModel | None = None, **habits: Any) -> Drafted:
    """An engine that knows what a step takes for one and for two answers without drafts: where no model says otherwise,
    always as long."""
    engine = Drafted(model or ScriptedModel(max_tokens=8, seconds=0.1), **habits)
    for start in (1, 2, 3):
        engine.start([start, start], max_tokens=10 * start, most_drafted=0)
    engine.finish()
    return engine


def test_where_steps_take_as_long_it_is_the_tokens_of_a_step() -> None:
    engine = warmed(longest=100)
    engine.drafter._random.randint = lambda low, high: high  # type: ignore[method-assign]
    number = engine.start([7, 8], max_tokens=20)
    stats = stats_of(engine.finish()[number])
    assert engine.steps_of(number) == [2, 8, 8, 3]
    assert stats.speedup == pytest.approx(19 / 3, rel=0.02)
    assert [(count.drafter, count.drafted, count.accepted) for count in stats.drafts] == [("scripted", 16, 16)]


def test_each_of_several_answers_has_its_own() -> None:
    engine = warmed(longest=3)
    guessed = engine.start([7, 8], max_tokens=20)
    plain = engine.start([9, 4], max_tokens=20, most_drafted=0)
    events = engine.finish()
    steps = len(engine.steps_of(guessed)) - 1
    assert stats_of(events[guessed]).speedup == pytest.approx(19 / steps, rel=0.05)
    assert stats_of(events[plain]).speedup is None


def test_an_answer_whose_prompt_is_in_the_cache_is_guessed_from_its_first_token() -> None:
    engine = warmed(longest=100)
    engine.drafter._random.randint = lambda low, high: high  # type: ignore[method-assign]
    number = engine.start([1, 1], max_tokens=20)
    assert stats_of(engine.finish()[number]).speedup == pytest.approx(20 / 3, rel=0.02)
    assert engine.steps_of(number) == [8, 8, 4]


class Slower(ScriptedModel):
    """Rows that are not free."""

    def run(self, step: Step) -> StepOutput:
        self.clock.now += 0.05 * (len(step.tokens) - 1)
        return super().run(step)


def test_guesses_that_are_wrong_lose() -> None:
    engine = warmed(Slower(max_tokens=8, seconds=0.1), right=0.0, longest=3)
    number = engine.start([7, 8], max_tokens=20)
    stats = stats_of(engine.finish()[number])
    assert stats.drafts[0].drafted > 20
    seconds = [0.1 + 0.05 * (rows - 1) for rows in engine.steps_of(number)[1:]]
    assert stats.speedup == pytest.approx(19 * 0.1 / sum(seconds), rel=0.1)


def test_an_answer_that_is_ended_has_it_too() -> None:
    engine = Watched(ScriptedModel(max_tokens=32, context=600, blocks=200, seconds=0.1), PromptLookup())
    number = engine.start([1, 2, 3] * 20, logit_bias=((5, 100.0),))
    while engine.stats().new_tokens < 200:
        engine.step()
    engine.cancel(number)
    (event,) = engine.finish()[number]
    assert (event.finish_reason, event.token) == ("cancelled", None)
    stats = stats_of([event])
    steps = sum(bool(plan.works) for plan in engine.plans) - 2  # those that read the prompt gave a token at most
    assert stats.drafts[0].accepted > 100
    assert stats.speedup == pytest.approx((stats.new_tokens - 1) / steps, rel=0.1)


def test_tokens_that_nobody_weighed_came_one_a_step() -> None:
    gain = Gain()
    assert gain.speedup(10) is None
    gain.add(4, 0.1, 0.2)
    gain.add(1, 0.1, 0.2)
    assert gain.speedup(6) == pytest.approx(0.5 / 0.4)
    assert gain.speedup(11) == pytest.approx(1.0 / 0.9)
