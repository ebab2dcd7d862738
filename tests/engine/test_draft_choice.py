"""Whose drafts are checked, and how often somebody is asked whose drafts do not pay: by a clock that is scripted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from causerie.decoding.drafting.drafter import Draft
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.request import TokenEvent
from tests.engine.scripted import ScriptedDrafter, ScriptedModel
from tests.engine.test_traffic import alone


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_drafts_the_likelier_one_is_checked(order: int) -> None:
    """Whoever was asked first."""
    model = ScriptedModel(max_tokens=32, seconds=0.05)
    right = ScriptedDrafter(32, name="right", chances=(0.9,))
    wrong = ScriptedDrafter(32, name="wrong", chances=(0.1,), right=0.0)
    drafters = (right, wrong)[::order]
    engine = Engine(model, model.clock, drafters)
    request = engine.request([1, 2], SamplingParams(max_tokens=20))
    right.texts[request.id] = wrong.texts[request.id] = [1, 2, *alone(model, request).tokens]
    engine.submit(request)
    events = [event for _ in range(40) if engine.busy for event in engine.step()]
    assert events[-1].stats is not None
    drafted = {count.drafter: count.drafted for count in events[-1].stats.drafts}
    assert drafted["right"] > 0 and drafted["wrong"] == 0


def test_what_it_takes_to_weigh_a_draft_is_charged_to_who_made_it() -> None:
    """A drafter that itself takes no time, and whose drafts are never right: it is asked the more seldom, the longer
    it takes to weigh what it says."""
    asked = []
    for weighing in (0.0, 0.002):
        model = ScriptedModel(max_tokens=32, context=512, blocks=256, seconds=0.05)
        drafter = WeighedDrafter(model, weighing)
        engine = Engine(model, model.clock, (drafter,))
        engine.submit(engine.request([1, 2], SamplingParams(max_tokens=400)))
        while engine.busy:
            engine.step()
        asked.append(drafter.asked)
    assert asked[0] > 300 and asked[1] < 100


def test_short_answers_do_not_spend_what_a_long_one_would_win() -> None:
    """Each of many is over before a guess could pay, and asking takes as long as a step. Then one comes for which all
    guesses are right."""
    model = ScriptedModel(max_tokens=32, context=512, blocks=256, seconds=0.001)
    drafter = WeighedDrafter(model, 0.001)
    engine = Engine(model, model.clock, (drafter,))

    def answer(tokens: int) -> TokenEvent:
        request = engine.request([1, 2], SamplingParams(max_tokens=tokens))
        drafter.right = [1, 2, *alone(model, request).tokens] if tokens > 4 else []
        engine.submit(request)
        return [event for _ in range(tokens + 2) if engine.busy for event in engine.step()][-1]

    began = model.clock.now
    for _ in range(500):
        answer(4)
    assert model.clock.now - began < 500 * 4 * 0.001 * 1.03
    stats = answer(400).stats
    assert stats is not None and stats.drafts[0].accepted > 50


@dataclass
class WeighedDrafter:
    """Nearly always wrong, where it is not told what is right; its tokens take time to be looked at."""

    model: ScriptedModel
    weighing: float
    asked: int = 0
    right: list[int] = field(default_factory=list)
    name: str = "weighed"
    chances: Sequence[float] = (0.1,)

    def propose(self, asks: Sequence[Any]) -> list[Draft]:
        self.asked += 1
        drafts = []
        for ask in asks:
            length = len(ask.tokens)
            draft = self.right[length : length + ask.most] or [(ask.tokens[-1] + 1) % 32]
            drafts.append(Draft(SlowTokens(self, draft), [0] * len(draft)))
        return drafts

    def forget(self, request: int) -> None:
        pass


class SlowTokens(Sequence[int]):
    """Tokens that take their drafter's time to be iterated over."""

    def __init__(self, drafter: WeighedDrafter, tokens: Sequence[int]) -> None:
        self._drafter = drafter
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, place: Any) -> Any:
        return self._tokens[place]

    def __iter__(self) -> Iterator[int]:
        self._drafter.model.clock.now += self._drafter.weighing
        return iter(self._tokens)
