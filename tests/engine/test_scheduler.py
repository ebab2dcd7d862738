"""What a step is made of: who goes first, how prompts are shared out, what is read only once."""

from __future__ import annotations

import numpy as np
import pytest

from causerie.decoding.drafting.drafter import Drafter
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.plan import Plan
from causerie.engine.request import PromptProgress, TokenEvent
from causerie.engine.speculation.controller import Controller
from causerie.errors import ContextLengthError, UsageError
from tests.engine.scripted import Clock, ScriptedModel


class Watched(Engine):
    """An engine whose plans are kept."""

    def __init__(self, model: ScriptedModel, *drafters: Drafter, controller: Controller | None = None) -> None:
        super().__init__(model, model.clock, drafters, controller)
        self.plans: list[Plan] = []
        schedule = self._scheduler.schedule

        def watched() -> Plan:
            self.plans.append(schedule())
            return self.plans[-1]

        self._scheduler.schedule = watched  # type: ignore[method-assign]

    def start(self, tokens: list[int], **params: object) -> int:
        return self.submit(self.request(tokens, SamplingParams(**params)))  # type: ignore[arg-type]

    def counts(self) -> list[dict[int, int]]:
        return [{work.request.id: len(work.tokens) for work in plan.works} for plan in self.plans]

    def finish(self) -> dict[int, list[TokenEvent]]:
        events: dict[int, list[TokenEvent]] = {}
        while self.busy:
            for event in self.step():
                events.setdefault(event.request, []).append(event)
            self.check_integrity()
        return events


def text(events: list[TokenEvent]) -> list[int]:
    return [event.token for event in events if event.token is not None]


def test_next_tokens_come_first_and_prompts_share_the_rest() -> None:
    engine = Watched(ScriptedModel(max_tokens=8, context=200, blocks=200))
    first = engine.start([1, 2], max_tokens=30)
    engine.step()
    long = engine.start([3] * 30, max_tokens=1)
    middle = engine.start([4] * 5, max_tokens=1)
    short = engine.start([5] * 2, max_tokens=1)
    engine.finish()
    assert engine.counts()[:3] == [
        {first: 2},
        {first: 1, long: 3, short: 2, middle: 2},  # 7 rows: the oldest may use half, then the shortest
        {first: 1, long: 4, middle: 3},
    ]
    assert all(sum(counts.values()) <= 8 for counts in engine.counts())


def test_a_long_prompt_alone_uses_the_whole_step() -> None:
    engine = Watched(ScriptedModel(max_tokens=8))
    engine.start([3] * 20, max_tokens=1)
    engine.finish()
    assert [sum(counts.values()) for counts in engine.counts()] == [8, 8, 4]


def test_equal_prompts_are_read_once() -> None:
    model = ScriptedModel(max_tokens=64, blocks=64)
    engine = Watched(model)
    prompt = [7, 8, 9, 10] * 5 + [1, 2]
    for _ in range(4):
        engine.start(prompt, max_tokens=1)
    events = engine.finish()
    assert len({tuple(text(found)) for found in events.values()}) == 1
    assert engine.counts() == [{0: 22}, {1: 1, 2: 1, 3: 1}]
    assert engine.stats().cached_tokens == 63


def test_those_that_follow_wait_for_all_that_they_have_in_common() -> None:
    """In whole blocks of four, of 21 tokens that may come from the cache: 20. One that is short has nothing to wait
    for."""
    engine = Watched(ScriptedModel(max_tokens=8, context=100, blocks=64))
    for tail in ([1, 2], [1, 2], [3, 4]):
        engine.start([7, 8, 9, 10] * 5 + tail, max_tokens=1)
    engine.start([7, 8, 9], max_tokens=1)
    engine.finish()
    assert engine.counts() == [{0: 5, 3: 3}, {0: 8}, {0: 8}, {0: 1, 1: 2, 2: 2}]


def test_the_next_turn_reads_only_its_new_tokens() -> None:
    engine = Watched(ScriptedModel(context=100, blocks=100, max_tokens=64))
    engine.start([1, 2, 3, 4, 5, 6], max_tokens=7)
    answer = text(engine.finish()[0])
    engine.start([1, 2, 3, 4, 5, 6, *answer, 7, 8, 9], max_tokens=1)
    last = engine.finish()[1][-1]
    assert engine.counts()[-1] == {1: 4}  # the last token of the answer was never fed
    assert last.stats is not None
    assert (last.stats.prompt_tokens, last.stats.cached_tokens) == (16, 12)


def test_an_edited_message_keeps_what_comes_before_it() -> None:
    engine = Watched(ScriptedModel(context=100, blocks=100, max_tokens=64))
    engine.start([1, 2, 3, 4, 5, 6, 7, 8, 9], max_tokens=3)
    engine.finish()
    engine.start([1, 2, 3, 4, 5, 6, 0, 0], max_tokens=1)
    engine.finish()
    assert engine.counts()[-1] == {1: 2}
    assert len(engine.plans[-1].copies) == 1


def test_a_prompt_that_is_all_cached_still_gives_logits() -> None:
    engine = Watched(ScriptedModel(block_size=4))
    for _ in range(2):
        engine.start([1, 2, 3, 4, 5, 6, 7, 8], max_tokens=1)
    events = engine.finish()
    assert text(events[0]) == text(events[1])
    engine.start([1, 2, 3, 4, 5, 6, 7, 8], max_tokens=1)
    engine.finish()
    assert engine.counts()[-1] == {2: 1}


def test_the_latest_gives_way_when_blocks_run_out() -> None:
    model = ScriptedModel(blocks=6, block_size=2, context=12, max_tokens=16)
    engine = Watched(model)
    for start in (1, 2, 3):
        engine.start([start] * 3, max_tokens=8)
    events = engine.finish()
    preemptions = [found[-1].stats.preemptions for _, found in sorted(events.items()) if found[-1].stats]
    assert preemptions[0] == 0 < sum(preemptions)
    for number, found in events.items():
        alone = Watched(ScriptedModel(blocks=6, block_size=2, context=12, max_tokens=16))
        alone.start([number + 1] * 3, max_tokens=8)
        assert text(found) == text(alone.finish()[0])


def test_many_requests_on_a_tiny_cache_all_end() -> None:
    engine = Watched(ScriptedModel(blocks=8, block_size=2, context=16, max_tokens=4))
    for start in range(20):
        engine.start([start] * 5, max_tokens=8)
    assert sorted(engine.finish()) == list(range(20))


def test_an_answer_ends_with_the_context() -> None:
    engine = Watched(ScriptedModel(context=10))
    engine.start([1, 2, 3])
    found = engine.finish()[0]
    assert len(text(found)) == 7
    assert found[-1].finish_reason == "length"


def test_ends() -> None:
    model = ScriptedModel(seconds=1.0, context=40)
    expected = text_of(model, [1, 2], 10)
    engine = Watched(model)
    stop = engine.start([1, 2], eos=(expected[3],), max_tokens=10)
    ignoring = engine.start([1, 2], eos=(expected[3],), ignore_eos=True, max_tokens=10)
    timed = engine.start([1, 2], max_time=4.5)
    nothing = engine.start([1, 2], max_tokens=0)
    cancelled = engine.start([1, 2])
    events = {event.request: [event] for event in engine.step()}
    engine.cancel(cancelled)
    engine.cancel(cancelled)
    engine.cancel(12345)
    for number, more in engine.finish().items():
        events.setdefault(number, []).extend(more)
    assert (text(events[stop]), events[stop][-1].finish_reason) == (expected[:4], "stop")
    assert (text(events[ignoring]), events[ignoring][-1].finish_reason) == (expected, "length")
    assert (len(text(events[timed])), events[timed][-1].finish_reason) == (5, "time")
    assert (text(events[nothing]), events[nothing][-1].finish_reason) == ([], "length")
    assert events[cancelled][-1].finish_reason == "cancelled"


def test_who_waits_too_long_for_a_first_step_ends() -> None:
    """One that has begun is let go on, also when it was sent back to wait."""
    model = ScriptedModel(max_tokens=1, blocks=6, seconds=1.0)
    engine = Watched(model)
    begun = engine.start([1, 2], max_tokens=12, max_wait=5)
    late = engine.start([3, 4], max_tokens=2, max_wait=5)
    patient = engine.start([5, 6], max_tokens=2, max_wait=500)
    events = engine.finish()
    assert text(events[begun]) == text_of(model, [1, 2], 12) and text(events[patient]) == text_of(model, [5, 6], 2)
    assert text(events[late]) == [] and events[late][-1].finish_reason == "error"
    assert events[late][-1].error == "The request waited 6 s in line, behind others. Ask again later."


def text_of(model: ScriptedModel, prompt: list[int], count: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(model.alone(tokens, len(prompt)).argmax()))
    return tokens[len(prompt) :]


def test_times_are_of_the_clock() -> None:
    clock = Clock()
    engine = Watched(ScriptedModel(seconds=2.0, max_tokens=4, clock=clock))
    engine.start([1] * 8, max_tokens=3)
    stats = engine.finish()[0][-1].stats
    assert stats is not None
    assert (stats.first_token_seconds, stats.total_seconds, stats.new_tokens) == (4.0, 8.0, 3)
    assert stats.waiting_seconds == 0.0


def test_who_has_no_room_waits_until_it_runs() -> None:
    clock = Clock()
    engine = Watched(ScriptedModel(seconds=2.0, max_tokens=16, blocks=5, clock=clock))
    first = engine.start([1] * 16, max_tokens=3)
    later = engine.start([2] * 8, max_tokens=2)
    events = engine.finish()
    before, stats = events[first][-1].stats, events[later][-1].stats
    assert before is not None and stats is not None
    assert stats.waiting_seconds == before.total_seconds and before.waiting_seconds == 0.0
    assert stats.first_token_seconds == stats.waiting_seconds + 2.0


def test_prompt_logits_come_in_bounded_steps() -> None:
    model = ScriptedModel(max_tokens=8, context=64)
    engine = Watched(model)
    engine.start([1, 2, 3, 4] * 5, max_tokens=0)
    number = engine.start([1, 2, 3, 4] * 5, max_tokens=0, prompt_logits=True)
    logits = engine.finish()[number][-1].prompt_logits
    rows = [model.alone(([1, 2, 3, 4] * 5)[: i + 1], 20) for i in range(20)]
    assert logits is not None
    assert np.array_equal(logits, np.array(rows))


def test_prompt_logits_without_memory_end_their_request_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(shape: tuple[int, ...], dtype: type) -> np.ndarray:
        raise MemoryError

    engine = Watched(ScriptedModel())
    monkeypatch.setattr("causerie.engine.engine.np.empty", refuse)
    logits = engine.start([1, 2, 3], max_tokens=2, prompt_logits=True)
    plain = engine.start([4, 5, 6], max_tokens=2)
    events = engine.finish()
    assert "3 prompt tokens take 0.0 GB" in str(events[logits][-1].error)
    assert events[plain][-1].finish_reason == "length"


def test_a_failing_step_ends_its_requests_and_nothing_else() -> None:
    model = ScriptedModel(fail_at=frozenset([2]), max_tokens=2, blocks=40)
    engine = Watched(model)
    for start in range(4):
        engine.start([start] * 6, max_tokens=2)
    events = engine.finish()
    reasons = {number: found[-1].finish_reason for number, found in events.items()}
    failed = [number for number, reason in reasons.items() if reason == "error"]
    assert sorted(reasons) == [0, 1, 2, 3]
    assert failed == sorted(engine.counts()[2])
    assert all("scripted failure" in str(events[number][-1].error) for number in failed)
    for number in set(reasons) - set(failed):
        assert text(events[number]) == text_of(model, [number] * 6, 2)


def test_an_interrupted_step_leaves_a_usable_engine() -> None:
    model = ScriptedModel()
    engine = Watched(model)
    engine.start([1, 2, 3], max_tokens=2)
    run, model.run = model.run, _interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        engine.step()
    model.run = run  # type: ignore[method-assign]
    engine.start([1, 2, 3], max_tokens=2)
    events = engine.finish()
    assert events[0][-1].finish_reason == "error"
    assert text(events[1]) == text_of(model, [1, 2, 3], 2)


def _interrupt(step: object) -> np.ndarray:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("tokens", "params", "kind", "words"),
    [
        ([], {}, UsageError, "no tokens"),
        ([1, 32], {}, UsageError, "holds token 32; the model's tokens are 0 to 31"),
        ([-1], {}, UsageError, "holds token -1"),
        ([1.5], {}, UsageError, "whole numbers"),
        ([1] * 64, {}, ContextLengthError, "64 tokens, and the model's context is 64"),
        ([1], {"logit_bias": ((40, 1.0),)}, UsageError, "logit_bias holds token 40"),
        ([1], {"logit_bias": ((4, float("nan")),)}, UsageError, "logit_bias of 4 is nan"),
        ([1], {"bad_words": ((),)}, UsageError, "empty list"),
        ([1], {"sequence_bias": (((1, 2), float("inf")),)}, UsageError, "is inf"),
    ],
)
def test_what_no_request_may_hold(tokens: list[int], params: dict[str, object], kind: type, words: str) -> None:
    engine = Engine(ScriptedModel())
    with pytest.raises(kind, match=words):
        engine.request(tokens, SamplingParams(**params))  # type: ignore[arg-type]


def test_a_prompt_larger_than_the_cache_is_refused_with_both_numbers() -> None:
    engine = Engine(ScriptedModel(blocks=4, block_size=4, context=64))
    with pytest.raises(ContextLengthError, match="20 tokens, and the cache has room for 16"):
        engine.request([1] * 20, SamplingParams())


def test_reading_a_prompt_is_told_to_who_asks() -> None:
    """After each chunk, with what the cache had, until the whole is read; nobody else gets an event more."""
    engine = Watched(ScriptedModel(max_tokens=8, context=200, blocks=200, seconds=0.5))
    prompt = [token % 30 for token in range(20)]
    told = engine.start(prompt, max_tokens=2, prompt_progress=True)
    (events,) = engine.finish().values()
    assert [event.progress for event in events if event.token is None] == [
        PromptProgress(20, 0, 8, 0.5),
        PromptProgress(20, 0, 16, 1.0),
        PromptProgress(20, 0, 20, 1.5),
    ]
    assert [event.progress for event in events[3:]] == [None, None]
    told = engine.start([*prompt, 7], max_tokens=2, prompt_progress=True)
    other = engine.start([8] * 20, max_tokens=2)
    found = engine.finish()
    (progress,) = [event.progress for event in found[told] if event.progress is not None]
    assert (progress.prompt_tokens, progress.cached_tokens, progress.read_tokens) == (21, 20, 21)
    assert [event.progress for event in found[other]] == [None, None]


def test_what_the_cache_has_is_told_before_the_first_pass() -> None:
    model = ScriptedModel(max_tokens=8, context=200, blocks=200, seconds=0.5)
    engine = Watched(model)
    told: list[tuple[int, PromptProgress | None]] = []

    def run() -> None:
        while engine.busy:
            engine.step(lambda event: told.append((model.runs, event.progress)))

    prompt = [token % 30 for token in range(20)]
    engine.start(prompt, max_tokens=2, prompt_progress=True)
    engine.start([8] * 20, max_tokens=2)
    run()
    runs = model.runs
    engine.start([*prompt, 7], max_tokens=2, prompt_progress=True)
    run()
    assert told == [(0, PromptProgress(20, 0, 0, 0.0)), (runs, PromptProgress(21, 20, 20, 0.0))]


def test_who_gives_way_does_not_begin_twice() -> None:
    model = ScriptedModel(max_tokens=8, blocks=8)
    engine = Watched(model)
    requests = [engine.start([token] * 10, max_tokens=12, prompt_progress=True) for token in (3, 4)]
    told: list[int] = []
    while engine.busy:
        engine.step(lambda event: told.append(event.request))
    assert engine.stats().preemptions and sorted(told) == requests
