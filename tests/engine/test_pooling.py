"""Requests that pool are read in everybody's steps, by the shares that those who read have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.backends.ops import StepOutput
from causerie.backends.step import Step
from tests.engine.scripted import ScriptedModel
from tests.engine.test_scheduler import Watched, text, text_of

POOLED = {"max_tokens": 0, "pool_states": True}


def mean(model: ScriptedModel, tokens: list[int]) -> NDArray[np.float64]:
    total = np.zeros(3)
    for end in range(len(tokens)):
        total += model.alone(tokens[: end + 1], len(tokens))[:3]
    return total / len(tokens)


def test_a_chat_and_an_embedding_are_in_the_same_steps() -> None:
    model = ScriptedModel(max_tokens=8, context=200, blocks=200)
    engine = Watched(model)
    chat = engine.start([1, 2], max_tokens=6)
    first = engine.step()
    pooled = engine.start([3] * 18, **POOLED)
    events = engine.finish()
    assert engine.counts() == [
        {chat: 2},
        {chat: 1, pooled: 7},
        {chat: 1, pooled: 7},
        {chat: 1, pooled: 4},
        *[{chat: 1}] * 2,
    ]
    assert [(work.wants, work.pools, work.draws) for work in engine.plans[3].works] == [(1, 0, 1), (0, 4, 0)]
    assert text(first + events[chat]) == text_of(model, [1, 2], 6)
    (end,) = events[pooled]
    assert end.finish_reason == "length" and end.mean_state is not None
    np.testing.assert_array_equal(end.mean_state, mean(model, [3] * 18))


def test_reading_and_pooling_share_the_rows_of_a_step() -> None:
    """Whoever came first may use half, then the shortest."""
    engine = Watched(ScriptedModel(max_tokens=8, context=200, blocks=200))
    long = engine.start([1] * 30, max_tokens=1)
    pooled = engine.start([2] * 6, **POOLED)
    short = engine.start([3] * 3, max_tokens=1)
    engine.finish()
    assert engine.counts()[:3] == [{long: 4, pooled: 1, short: 3}, {long: 4, pooled: 4}, {long: 7, pooled: 1}]


@pytest.mark.parametrize("lengths", [[30], [1, 1, 1]])
def test_rows_of_hidden_states_do_not_count_as_rows_of_logits(
    lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even of texts of which only one token is left, as of those that only need their next."""
    monkeypatch.setattr("causerie.engine.engine._LOGITS_BYTES", 1)  # 8 rows
    engine = Watched(ScriptedModel(max_tokens=64, context=200, blocks=200))
    pooled = {engine.start([1] * length, **POOLED): length for length in lengths}
    logits = engine.start([2] * 20, max_tokens=0, prompt_logits=True)
    engine.finish()
    assert engine.counts() == [pooled | {logits: 8}, {logits: 8}, {logits: 4}]


def test_a_prompts_middle_beside_nobody_wants_nothing() -> None:
    engine = Watched(ScriptedModel(max_tokens=8))
    chat = engine.start([3] * 20, max_tokens=1)
    engine.finish()
    assert [(work.wants, work.pools) for plan in engine.plans for work in plan.works] == [(0, 0), (0, 0), (1, 0)]
    assert engine.counts() == [{chat: 8}, {chat: 8}, {chat: 4}]


def test_a_text_that_is_sent_back_is_summed_up_once() -> None:
    """Its rows are read again when there is room, and those that were summed up are not wanted again."""
    model = ScriptedModel(max_tokens=2, blocks=5, context=20)
    engine = Watched(model)
    chat = engine.start([1, 2, 3], max_tokens=14)
    pooled = engine.start([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], **POOLED)
    events = engine.finish()
    stats = events[pooled][-1].stats
    assert stats is not None and stats.preemptions and events[chat][-1].finish_reason == "length"
    np.testing.assert_array_equal(events[pooled][-1].mean_state, mean(model, list(range(4, 16))))


class Short(ScriptedModel):
    """A model that forgets the last hidden state."""

    def run(self, step: Step) -> StepOutput:
        output = super().run(step)
        return replace(output, states=output.states[:-1])


def test_hidden_states_that_are_missing_are_an_error() -> None:
    engine = Watched(Short())
    pooled = engine.start([1, 2, 3], **POOLED)
    events = engine.finish()
    assert "gave 2 rows of hidden states where 3 were wanted" in str(events[pooled][-1].error)
    assert engine.start([1, 2], max_tokens=2) in engine.finish()
