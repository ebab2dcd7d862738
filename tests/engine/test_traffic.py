"""Laws under random traffic: every request ends once, with the text it has alone, and no block is lost or shared for
writing (the scripted model checks that in every step)."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.backends.ops import BlockCount
from causerie.decoding.drafting.drafter import Drafter
from causerie.decoding.drawn import Drawn
from causerie.decoding.params import SamplingParams
from causerie.decoding.sampler import RequestSampler
from causerie.engine.engine import Engine
from causerie.engine.request import Request, TokenEvent
from causerie.engine.speculation.controller import Controller
from causerie.errors import ContextLengthError
from tests.engine.scripted import ScriptedDrafter, ScriptedModel

EOS = 5


@dataclass
class Expected:
    """What a request gives when it runs alone, step by step and without a cache."""

    tokens: list[int]
    reason: str
    drawn: list[Drawn]
    error: str | None = None  # where no token can be drawn after those


def alone(model: ScriptedModel, request: Request) -> Expected:
    tokens = list(request.tokens)
    params = request.params
    sampler = RequestSampler(params, model.vocab, len(tokens))
    capacity = model.room
    limit = capacity if params.max_tokens is None else min(capacity, len(tokens) + params.max_tokens)
    run: list[Drawn] = []
    reason, error = "length", None
    while reason == "length" and len(tokens) < limit:
        drawn = sampler.draw(model.alone(tokens, len(request.tokens)), array("i", tokens))
        if drawn.error is not None:
            reason, error = "error", drawn.error
            break
        run.append(drawn)
        tokens.append(drawn.token)
        if drawn.token in params.eos and not params.ignore_eos:
            reason = "stop"
    return Expected(tokens[len(request.tokens) :], reason, run, error)


@dataclass
class Traffic:
    """An engine with its requests, checked as it goes."""

    model: ScriptedModel
    drafter: ScriptedDrafter | None = None
    controller: Controller | None = None
    lookup: Drafter | None = None
    engine: Engine = field(init=False)
    requests: dict[int, Request] = field(default_factory=dict)
    expected: dict[int, Expected] = field(default_factory=dict)
    texts: dict[int, list[int]] = field(default_factory=dict)
    tokens: dict[int, list[TokenEvent]] = field(default_factory=dict)
    ends: dict[int, TokenEvent] = field(default_factory=dict)
    cancelled: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        drafters = [drafter for drafter in (self.drafter, self.lookup) if drafter is not None]
        self.engine = Engine(self.model, self.model.clock, drafters, self.controller)

    def submit(self, tokens: list[int], params: SamplingParams) -> None:
        try:
            request = self.engine.request(tokens, params)
        except ContextLengthError:
            assert len(tokens) + (params.max_tokens != 0) > self.model.room
            return
        self.requests[request.id] = request
        self.expected[request.id] = expected = alone(self.model, request)
        self.texts[request.id] = []
        self.tokens[request.id] = []
        if self.drafter is not None:
            self.drafter.texts[request.id] = list(request.tokens) + expected.tokens
        self.engine.submit(request)

    def cancel(self, number: int) -> None:
        if number in self.requests:
            if number not in self.ends:
                self.cancelled.add(number)
            self.engine.cancel(number)

    def step(self) -> None:
        for event in self.engine.step():
            assert event.request not in self.ends, "a request ended twice"
            if event.token is not None:
                self.texts[event.request].append(event.token)
                self.tokens[event.request].append(event)
            if event.finish_reason is not None:
                assert event.stats is not None
                assert event.stats.new_tokens == len(self.texts[event.request])
                self.ends[event.request] = event
        self.engine.check_integrity()

    def drain(self) -> None:
        for _ in range(10_000):
            if not self.engine.busy:
                break
            self.step()
        assert not self.engine.busy, "the engine does not come to rest"
        stats = self.engine.stats()
        assert not any(pool.busy for pool in (*stats.groups, stats.slots)), "blocks are held by nobody that runs"
        remembered = self.engine._sampler._requests, self.engine._prompt_logits, self.engine._sums
        assert not any(remembered), "ended requests are remembered"
        assert self.drafter is None or not self.drafter.told, "the drafter was not told of an end"
        assert self.engine._scheduler._timed == 0, "ends are looked for that nobody waits for"

    def empty(self) -> None:
        """All that is remembered can be had again, and then nothing is left."""
        cache = self.engine._cache
        assert not any(node.is_empty or node.leases for node in cache.index.nodes())
        for g, group in enumerate(cache.groups):
            cache.index.evict(g, group.pool.total)
            assert group.pool.free == group.pool.total, "blocks are idle that cannot be evicted"
        while (slot := cache.index.snapshots.oldest_idle()) is not None:
            cache.index.forget(slot)
        assert cache.slots.pool.free == cache.slots.pool.total and len(cache.index) == 0
        cache.check_integrity([])

    def check(self) -> None:
        assert set(self.ends) == set(self.requests), "a request did not end"
        for number, request in self.requests.items():
            expected, end, text = self.expected[number], self.ends[number], self.texts[number]
            assert text == expected.tokens[: len(text)], f"request {number} differs from running alone"
            for event, drawn in zip(self.tokens[number], expected.drawn, strict=False):
                assert (event.logprob, event.top_logprobs) == (drawn.logprob, drawn.top_logprobs)
                assert np.array_equal(event.logits, drawn.logits) and np.array_equal(event.scores, drawn.scores)
            if end.finish_reason in ("stop", "length"):
                assert (text, end.finish_reason) == (expected.tokens, expected.reason)
                self._check_prompt_logits(request, end)
                self._check_mean_state(request, end)
            elif end.finish_reason == "cancelled":
                assert number in self.cancelled
            elif end.finish_reason == "time":
                assert request.params.max_time is not None
            elif end.error == expected.error:
                assert text == expected.tokens
            else:
                assert self.model.fail_at and end.error is not None and "scripted failure" in end.error

    def _check_prompt_logits(self, request: Request, end: TokenEvent) -> None:
        if not request.params.prompt_logits:
            assert end.prompt_logits is None
            return
        tokens = list(request.tokens)
        rows = [self.model.alone(tokens[: i + 1], len(tokens)) for i in range(len(tokens))]
        if self.requests and request.params.max_tokens == 0 and end.prompt_logits is None:
            pytest.fail("prompt logits were asked for and did not come")
        assert end.prompt_logits is not None
        assert np.array_equal(end.prompt_logits, np.array(rows))

    def _check_mean_state(self, request: Request, end: TokenEvent) -> None:
        if not request.params.pool_states:
            assert end.mean_state is None
            return
        tokens = list(request.tokens)
        total = np.zeros(3)
        for i in range(len(tokens)):
            total += self.model.alone(tokens[: i + 1], len(tokens))[:3]
        assert end.mean_state is not None and np.array_equal(end.mean_state, total / len(tokens))


models = st.builds(
    ScriptedModel,
    vocab=st.just(12),
    context=st.integers(8, 40),
    blocks=st.integers(3, 14),
    block_size=st.sampled_from([1, 2, 4, 8]),
    max_tokens=st.sampled_from([1, 2, 3, 7, 16, 64]),
    shared_length=st.one_of(st.none(), st.integers(2, 20)),
    fail_at=st.one_of(st.just(frozenset()), st.just(frozenset()), st.frozensets(st.integers(0, 30), max_size=2)),
    seconds=st.just(1.0),
)
# Some turn all of a sequence otherwise once it is longer than that, and it is read again.
models = st.one_of(models, models.map(lambda model: replace(model, switch_length=model.shared_length)))


def hybrid(model: ScriptedModel, windows: list[tuple[int, int]], slots: int, full: bool) -> ScriptedModel:
    """A model some layers of which look back so far, or keep slots. Most windows have blocks for one sequence, and more
    or less of others; some have too few even for that."""
    groups = []
    for window, more in windows:
        least = -(-(window + model.max_tokens - 1) // model.block_size) + 1
        groups.append(BlockCount(max(1, least + more), window))
    return replace(model, windows=tuple(groups), slots=slots, full=full or not (windows or slots))


hybrids = st.builds(
    hybrid,
    models,
    st.lists(st.tuples(st.integers(2, 12), st.integers(-1, 8)), max_size=2, unique_by=lambda each: each[0]),
    st.sampled_from([0, 0, 1, 2, 3, 8]),
    st.booleans(),
)
models = st.one_of(models, hybrids, hybrids)
prompts = st.one_of(
    st.lists(st.integers(0, 2), min_size=1, max_size=24),
    st.builds(lambda n, tail: [1, 2, 3, 4] * n + tail, st.integers(0, 6), st.lists(st.integers(0, 3), min_size=1)),
    st.builds(lambda n, tail: [1, 2, EOS, 4] * n + tail, st.integers(0, 6), st.lists(st.integers(3, EOS), min_size=1)),
)
params = st.builds(
    SamplingParams,
    max_tokens=st.sampled_from([None, None, 0, 1, 2, 5, 10, 20]),
    eos=st.sampled_from([(), (EOS,)]),
    temperature=st.sampled_from([0.0, 0.0, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    seed=st.integers(0, 3),
    max_time=st.sampled_from([None, None, None, None, None, 0.0, 3.5, 10.0]),
    prompt_logits=st.sampled_from([False, False, False, True]),
    client=st.sampled_from(["", "a", "b"]),
)
pooled = st.builds(
    SamplingParams,
    max_tokens=st.just(0),
    pool_states=st.just(True),
    max_time=st.sampled_from([None, None, None, 0.0, 3.5]),
    client=st.sampled_from(["", "a"]),
)
params = st.one_of(params, params, params, pooled)


def actions(params: st.SearchStrategy[SamplingParams]) -> st.SearchStrategy[list[tuple]]:
    """Scripts of requests with such parameters."""
    return st.lists(
        st.one_of(
            st.tuples(st.just("submit"), prompts, params),
            st.tuples(st.just("submit"), prompts, params),
            st.tuples(st.just("submit"), prompts, params),
            st.tuples(st.just("step"), st.integers(1, 6)),
            st.tuples(st.just("cancel"), st.integers(0, 12)),
            st.tuples(st.just("follow"), st.integers(0, 12), prompts, params),
        ),
        min_size=5,
        max_size=25,
    )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models, actions(params))
def test_every_request_ends_once_with_the_text_it_has_alone(model: ScriptedModel, script: list[tuple]) -> None:
    traffic = Traffic(model)
    run(traffic, lambda: play(traffic, script))


def run(traffic: Traffic, script: Callable[[], None]) -> None:
    """Does what a script says, then waits for all ends and checks them. Of messages that are so short many count."""
    with mock.patch("causerie.engine.message_ends._APART", 3):
        script()
    traffic.drain()
    traffic.check()
    traffic.empty()


def play(traffic: Traffic, script: list[tuple]) -> None:
    """One action after the other."""
    for action, *values in script:
        if action == "submit":
            traffic.submit(*values)
        elif action == "cancel":
            traffic.cancel(values[0])
        elif action == "step":
            for _ in range(values[0]):
                traffic.step()
        else:  # the next turn of a conversation, or one with its end edited
            number, tail, wanted = values
            if number in traffic.requests:
                start = list(traffic.requests[number].tokens) + traffic.texts[number]
                traffic.submit(start[: len(start) - number % 3] + tail, wanted)
