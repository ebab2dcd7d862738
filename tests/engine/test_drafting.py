"""Drafts change when tokens come and nothing else: the text, the log-probabilities and the end of every request, what
others find in the cache, and what others get of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.drafting.other_chats import OtherChats
from causerie.decoding.params import SamplingParams
from causerie.decoding.reasoning import AfterReasoning, ReasoningTokens
from causerie.engine.engine import Engine
from causerie.errors import UnknownName
from tests.engine.scripted import ScriptedDrafter, ScriptedModel, eager
from tests.engine.test_scheduler import Watched, text
from tests.engine.test_traffic import EOS, Traffic, actions, alone, models, params, play, run

VOCAB = 12


@dataclass(frozen=True)
class Sums:
    """A constraint: no token that makes the sum of the answer a multiple of 3, unless it ends it."""

    def matcher(self, prompt: Sequence[int]) -> SumsMatcher:
        return SumsMatcher()


class SumsMatcher:
    """One answer's way, on which a token that was not allowed is a fault."""

    def __init__(self) -> None:
        self._sum = 0

    def advance(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            assert token in self._allowed(VOCAB), f"token {token} was forbidden"
            self._sum += token

    def forbid(self, row: Any) -> None:
        forbidden = np.ones(len(row), bool)
        forbidden[self._allowed(len(row))] = False
        row[forbidden] = -np.inf

    def _allowed(self, vocab: int) -> list[int]:
        return [token for token in range(vocab) if token == EOS or (self._sum + token) % 3]


REASONING = ReasoningTokens((1,), 2, frozenset({3}))
demanding = st.builds(
    SamplingParams,
    max_tokens=st.sampled_from([None, 8, 20]),
    min_tokens=st.sampled_from([0, 4, 8]),
    eos=st.sampled_from([(), (EOS,), (EOS, 6)]),
    ignore_eos=st.sampled_from([False, False, True]),
    temperature=st.sampled_from([0.0, 0.7, 1.3]),
    top_k=st.sampled_from([0, 3]),
    top_p=st.sampled_from([1.0, 0.9]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    presence_penalty=st.sampled_from([0.0, 0.5]),
    frequency_penalty=st.sampled_from([0.0, 0.5]),
    no_repeat_ngram_size=st.sampled_from([0, 0, 2, 3, 1]),
    sequence_bias=st.sampled_from([(), (((1, 2), 3.0),)]),
    bad_words=st.sampled_from([(), ((4, 3), (2,))]),
    begin_suppress_tokens=st.sampled_from([(), (0, 1)]),
    constraint=st.sampled_from([None, Sums(), AfterReasoning(REASONING, Sums(), 3), AfterReasoning(REASONING, most=2)]),
    seed=st.integers(0, 3),
    logprobs=st.sampled_from([None, 0, 3]),
    keep_logits=st.booleans(),
    keep_scores=st.booleans(),
    max_time=st.sampled_from([None, None, None, 6.0]),
    client=st.sampled_from(["", "a"]),
)
drafters = st.builds(
    ScriptedDrafter,
    vocab=st.just(VOCAB),
    right=st.sampled_from([1.0, 0.9, 0.6, 0.0]),
    silent=st.sampled_from([0.0, 0.3, 1.0]),
    longest=st.sampled_from([1, 2, 5, 100]),
    seed=st.integers(0, 1000),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models, drafters, actions(st.one_of(demanding, params)))
def test_every_request_ends_as_it_does_without_drafts(
    model: ScriptedModel, drafter: ScriptedDrafter, script: list[tuple]
) -> None:
    traffic = Traffic(model, drafter, eager(drafter))
    run(traffic, lambda: play(traffic, script))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models, st.one_of(st.none(), drafters), actions(st.one_of(demanding, params)), st.booleans(), st.booleans())
def test_every_request_ends_as_it_does_without_what_pays(
    model: ScriptedModel, drafter: ScriptedDrafter | None, script: list[tuple], looks_up: bool, recalls: bool
) -> None:
    """As the controller has it, with a drafter that knows the answers more or less, one that looks them up, or both."""
    model.seconds = 0.05
    lookup = OtherChats() if recalls else PromptLookup() if looks_up else None
    traffic = Traffic(model, drafter, lookup=lookup)
    run(traffic, lambda: play(traffic, script))


class Drafted(Watched):
    """An engine whose plans are kept, with a drafter that knows each answer."""

    def __init__(self, model: ScriptedModel, **habits: Any) -> None:
        self.drafter = ScriptedDrafter(model.vocab, **habits)
        super().__init__(model, self.drafter, controller=eager(self.drafter))

    def start(self, tokens: list[int], **params: object) -> int:
        request = self.request(tokens, SamplingParams(**params))  # type: ignore[arg-type]
        self.drafter.texts[request.id] = tokens + alone(self._model, request).tokens  # type: ignore[arg-type]
        return self.submit(request)

    def steps_of(self, number: int) -> list[int]:
        """How many rows a request had in each step."""
        return [rows for counts in self.counts() for request, rows in counts.items() if request == number]


def test_a_right_draft_gives_many_tokens_in_a_step() -> None:
    engine = Drafted(ScriptedModel(max_tokens=8), longest=100)
    engine.drafter._random.randint = lambda low, high: high  # type: ignore[method-assign]
    number = engine.start([1, 2], max_tokens=20)
    events = engine.finish()[number]
    assert engine.steps_of(number) == [2, 8, 8, 3]  # the prompt and a token; 8, 8 and 3 tokens
    plain = Watched(ScriptedModel(max_tokens=8))
    plain.start([1, 2], max_tokens=20)
    assert text(events) == text(plain.finish()[0]) and events[-1].finish_reason == "length"


def test_what_was_drafted_wrongly_is_in_no_index() -> None:
    """Wrong drafts fill whole blocks. Who begins with the answer and one of them shares the answer alone."""
    model = ScriptedModel(max_tokens=16, block_size=4)
    engine = Drafted(model, right=0.0, longest=15)
    drafts: list[tuple[list[int], list[int]]] = []
    propose = engine.drafter.draft

    def kept(request: int, tokens: Sequence[int], most: int) -> list[int]:
        drafts.append((list(tokens), propose(request, tokens, most)))
        return drafts[-1][1]

    engine.drafter.draft = kept  # type: ignore[method-assign]
    number = engine.start([1, 2], max_tokens=10)
    for _ in range(4):
        engine.step()
        for tokens, draft in drafts:
            whole = engine._cache.index.match(tokens + draft, len(tokens + draft))
            assert len(whole.path) <= len(tokens) // 4, "a block of drafted tokens is shared"
    assert max(len(draft) for _, draft in drafts) >= 8
    events = engine.finish()[number]
    after = engine.drafter.texts[number]
    found = engine._cache.index.match([*after, 0, 0, 0], 40)
    assert len(found.path) * 4 + found.partial == len(after) - 1  # the last token's keys were never written
    assert events[-1].finish_reason == "length"


def test_prompts_come_before_drafts() -> None:
    engine = Drafted(ScriptedModel(max_tokens=8, context=200, blocks=200), longest=100)
    first = engine.start([1, 2], max_tokens=60)
    engine.step()
    long = engine.start([3] * 21, max_tokens=1)
    engine.finish()
    assert [counts for counts in engine.counts() if long in counts] == [{first: 1, long: 7}] * 3
    assert all(sum(counts.values()) <= 8 for counts in engine.counts())


def test_drafts_share_what_is_left_evenly() -> None:
    engine = Drafted(ScriptedModel(max_tokens=11, context=200, blocks=200), right=0.5, longest=100)
    numbers = [engine.start([start, 2], max_tokens=60) for start in range(3)]
    for _ in range(4):
        engine.step()
    assert engine.counts()[1:] == [dict(zip(numbers, (4, 4, 3), strict=True))] * 3


def test_logits_are_bounded_with_drafts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step may hold 64 rows, and logits of 8."""
    monkeypatch.setattr("causerie.engine.engine._LOGITS_BYTES", 0)
    engine = Drafted(ScriptedModel(max_tokens=64, context=200, blocks=200), right=0.5, longest=100)
    engine.start([1, 2], max_tokens=30)
    engine.step()
    engine.start([3] * 30, max_tokens=2, prompt_logits=True)
    engine.start([4, 5], max_tokens=30)
    engine.finish()
    wanted = [sum(work.wants for work in plan.works) for plan in engine.plans]
    assert max(wanted) == 8 and any(work.draws > 1 for plan in engine.plans for work in plan.works)


def test_drafts_send_nobody_back() -> None:
    """One stops in its second block of six though it might go on, and drafts would take a third and a fourth; the other
    needs four of them."""
    shape: dict[str, int] = {"max_tokens": 32, "blocks": 6, "block_size": 4, "context": 24}
    probe = Watched(ScriptedModel(**shape))
    probe.start([0, 1, 2], max_tokens=5)
    last = text(probe.finish()[0])[-1]
    drafted = Drafted(ScriptedModel(**shape), right=0.0, longest=8)
    drafted.drafter._random.randint = lambda low, high: high  # type: ignore[method-assign]
    for engine in (Watched(ScriptedModel(**shape)), drafted):
        stops, goes_on = engine.start([0, 1, 2], eos=(last,)), engine.start([1, 1, 2] * 3, max_tokens=7)
        events = engine.finish()
        assert events[stops][-1].finish_reason == "stop" and len(text(events[goes_on])) == 7
        assert [found[-1].stats.preemptions for found in events.values() if found[-1].stats] == [0, 0]


def test_drafts_take_no_block_that_others_wait_for() -> None:
    engine = Drafted(ScriptedModel(max_tokens=32, blocks=6, block_size=4, context=24), right=0.0, longest=100)
    engine.start([1, 2, 3], max_tokens=8)
    engine.step()
    waits = engine.start([4] * 20, max_tokens=2)  # five blocks, and one aside for who runs
    while not any(waits in counts for counts in engine.counts()):
        engine.step()
        read = [(work, work.start + len(work.tokens) - len(work.draft)) for work in engine.plans[-1].works]
        assert all(len(work.tables[0]) == -(-length // 4) for work, length in read)
    assert len(engine.plans) > 4
    engine.finish()


def test_nothing_is_drafted_beyond_the_end() -> None:
    engine = Drafted(ScriptedModel(max_tokens=64), right=0.0, longest=100)
    number = engine.start([1, 2], max_tokens=5)
    asked: list[int] = []
    propose = engine.drafter.draft

    def noted(request: int, tokens: Sequence[int], most: int) -> list[int]:
        asked.append(len(tokens) + most)
        return propose(request, tokens, most)

    engine.drafter.draft = noted  # type: ignore[method-assign]
    assert len(text(engine.finish()[number])) == 5
    assert asked and set(asked) == {6}  # and the draw after the sixth is the seventh and last


def test_a_draft_ends_before_what_ends_the_answer() -> None:
    engine = Drafted(ScriptedModel())
    engine.drafter.draft = lambda request, tokens, most: [7, 9, 7]  # type: ignore[method-assign]
    ending = engine.start([1, 2], max_tokens=10, eos=(9,))
    going_on = engine.start([1, 3], max_tokens=10, eos=(9,), ignore_eos=True)
    engine.step()
    engine.step()
    drafts = {work.request.id: work.draft.tolist() for work in engine.plans[-1].works}
    assert drafts == {ending: [7], going_on: [7, 9, 7]}


def test_prompts_that_are_looked_at_are_not_drafted_for() -> None:
    engine = Drafted(ScriptedModel(max_tokens=64))
    engine.start([1, 2, 3], max_tokens=6, prompt_logits=True)
    engine.start([3, 2, 3], max_tokens=0, pool_states=True)
    engine.finish()
    assert engine.drafter.proposed == 0 and not engine.drafter.told


def test_a_request_says_who_may_draft_for_it() -> None:
    model, drafter = ScriptedModel(max_tokens=32), ScriptedDrafter(32, longest=100)
    for unasked in (True, False):
        engine = Engine(model, model.clock, (drafter,), eager(drafter), drafts_unasked=unasked)
        for drafters, drafts in ((None, unasked), ((), False), (("scripted",), True)):
            request = engine.request([1, 2], SamplingParams(max_tokens=9, drafters=drafters))
            drafter.texts[request.id] = [1, 2, *alone(model, request).tokens]
            engine.submit(request)
            events = [event for _ in range(30) if engine.busy for event in engine.step()]
            assert text(events) == drafter.texts[request.id][2:]
            assert events[-1].stats is not None and (events[-1].stats.drafts[0].accepted > 0) == drafts
        with pytest.raises(UnknownName, match="'scriptd'"):
            engine.request([1], SamplingParams(drafters=("scriptd",)))


def test_no_more_is_checked_than_a_request_lets() -> None:
    engine = Drafted(ScriptedModel(max_tokens=32), longest=100)
    few, none = engine.start([1, 2], max_tokens=20, most_drafted=2), engine.start([3, 2], max_tokens=20, most_drafted=0)
    events = engine.finish()
    assert max(engine.steps_of(few)[1:]) == 3 and max(engine.steps_of(none)[1:]) == 1
    stats = [events[each][-1].stats for each in (few, none)]
    assert [each.drafts[0].drafted > 5 for each in stats if each] == [True, False]


def test_without_a_drafter_there_are_no_drafts() -> None:
    engine = Watched(ScriptedModel())
    engine.start([1, 2], max_tokens=5)
    engine.finish()
    assert isinstance(engine, Engine) and all(not work.draft for plan in engine.plans for work in plan.works)
