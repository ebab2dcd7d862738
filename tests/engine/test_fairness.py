"""Clients take turns: a lone request does not wait for all that another client has asked before, nor a short prompt for
all long ones, and whoever gives way has his text all the same."""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import groupby
from random import Random
from statistics import median
from typing import Any

from causerie.cache.lease import Lease
from causerie.engine.request import TokenEvent
from causerie.engine.sequence import Sequence
from tests.engine.scripted import ScriptedModel
from tests.engine.test_scheduler import Watched, text


def _model(**shape: int) -> ScriptedModel:
    return ScriptedModel(**{"blocks": 16, "block_size": 2, "context": 24, "max_tokens": 16, **shape})


def _alone(tokens: list[int], **params: object) -> list[int]:
    engine = Watched(_model())
    engine.start(tokens, **params)
    return text(engine.finish()[0])


def _first_steps(engine: Watched, numbers: list[int]) -> dict[int, int]:
    """The step in which each request's first token came."""
    firsts: dict[int, int] = {}
    step = 0
    while engine.busy:
        step += 1
        for event in engine.step():
            if event.token is not None:
                firsts.setdefault(event.request, step)
        engine.check_integrity()
    return {number: firsts[number] for number in numbers}


def _admissions(engine: Watched) -> list[int]:
    """The requests in the order in which they first took part in a step."""
    return list(dict.fromkeys(number for counts in engine.counts() for number in counts))


def test_a_lone_request_waits_for_nobodys_end() -> None:
    engine = Watched(_model())
    many = [engine.start([start % 4] * 6, max_tokens=16, client="many") for start in range(40)]
    for _ in range(4):
        engine.step()
    lone = engine.start([3, 2, 1], max_tokens=4, client="lone")
    steps = _first_steps(engine, [*many[-3:], lone])
    assert steps[lone] <= 3
    assert min(steps[number] for number in many[-3:]) > 20


def test_who_gives_way_to_another_client_says_the_same() -> None:
    engine = Watched(_model())
    for start in range(8):
        engine.start([start % 4] * 6, max_tokens=12, client="many")
    early = [event for _ in range(3) for event in engine.step()]
    engine.start([3, 2, 1], max_tokens=12, client="lone")
    events = engine.finish()
    for event in reversed(early):
        events[event.request].insert(0, event)
    ends: list[TokenEvent] = [found[-1] for _, found in sorted(events.items())]
    assert sum(end.stats.preemptions for end in ends if end.stats) > 0
    for number in range(8):
        assert text(events[number]) == _alone([number % 4] * 6, max_tokens=12)
    assert text(events[8]) == _alone([3, 2, 1], max_tokens=12)


def test_growing_is_at_the_cost_of_the_client_with_most() -> None:
    engine = Watched(_model(blocks=10))
    lone = engine.start([3, 2, 1], max_tokens=14, client="lone")
    for start in range(3):
        engine.start([start] * 4, max_tokens=14, client="many")
    events = engine.finish()
    preemptions = {number: found[-1].stats.preemptions for number, found in events.items() if found[-1].stats}
    assert preemptions[lone] == 0
    assert sum(preemptions.values()) > 0


def test_equal_requests_wait_about_as_long_as_each_other() -> None:
    engine = Watched(_model(blocks=200, max_tokens=64))
    numbers = [engine.start([start % 7, 1, 2, 3], max_tokens=6, client=f"c{start % 5}") for start in range(60)]
    steps = _first_steps(engine, numbers)
    assert max(steps.values()) <= 5 * median(steps.values())


def test_a_short_prompt_is_not_read_behind_all_long_ones() -> None:
    engine = Watched(_model(blocks=40, context=80, max_tokens=8))
    long = [engine.start([start % 4] * 60, max_tokens=2) for start in range(10)]
    short = engine.start([3, 1], max_tokens=2)
    steps = _first_steps(engine, [*long, short])
    assert sum(steps[short] > step for step in (steps[number] for number in long)) <= 1


def test_a_long_prompt_is_not_passed_for_ever() -> None:
    engine = Watched(_model(blocks=12, context=24, max_tokens=16))
    first = [engine.start([start % 4] * 4, max_tokens=8) for start in range(4)]
    long = engine.start([2] * 20, max_tokens=2)
    later = [engine.start([start % 4, 2, 3], max_tokens=8) for start in range(60)]
    steps = _first_steps(engine, [*first, long, *later])
    assert sum(steps[number] < steps[long] for number in later) < 30


def test_eight_shorter_ones_pass_one_that_finds_no_room() -> None:
    """After one whose turn it is, as every other is a short one's. Then it comes as soon as there is room for it."""
    engine = Watched(_model())
    running = engine.start([1] * 8, max_tokens=14)
    engine.step()
    long = engine.start([2] * 22, max_tokens=1)
    short = [engine.start([3, start], max_tokens=1) for start in range(12)]
    engine.finish()
    assert _admissions(engine) == [running, *short[:9], long, *short[9:]]


def test_who_found_no_room_asks_again_once_something_is_given_back() -> None:
    """Also where no more can be had then, as another has grown in the same step; and not in every step."""
    engine = Watched(_model(blocks=8))
    asked: list[int] = []
    given = engine._cache.open

    def noted(tokens: array[int], *wanted: Any) -> Lease | None:
        asked.append(tokens[0])
        return given(tokens, *wanted)

    engine._cache.open = noted  # type: ignore[method-assign,assignment]
    for start, (length, new) in enumerate([(2, 7), (6, 5), (5, 8)]):
        engine.start([start] * length, max_tokens=new)
    engine.finish()
    together = [key for key, _ in groupby(sorted(counts) for counts in engine.counts())]
    assert together == [[0, 1], [0, 2], [2]]
    assert asked == [0, 1, 2, 2]


def test_nobody_gives_way_to_a_client_that_has_as_many() -> None:
    """Nor to one that would have as many then."""
    engine = Watched(_model(blocks=8, context=16))
    for client in ("a", "b"):
        engine.start([1, 2, 3, 4], max_tokens=4, client=client)
    engine.step()
    late = engine.start([3] * 6, max_tokens=4, client="c")
    events = engine.finish()
    assert [found[-1].stats.preemptions for found in events.values() if found[-1].stats] == [0, 0, 0]
    assert _admissions(engine)[-1] == late and engine.counts()[1].keys() == {0, 1}


def test_a_client_gets_room_by_exchange_once_for_each_request() -> None:
    """The third comes in the place of the second. Sent back as the first grows, it waits for room as others do."""
    engine = Watched(_model(blocks=9))
    for start, (length, new, client) in enumerate([(5, 11, "many"), (3, 5, "many"), (8, 4, "one")]):
        engine.start([start] * length, max_tokens=new, client=client)
        engine.step()
    engine.finish()
    together = [key for key, _ in groupby(sorted(counts) for counts in engine.counts())]
    assert together == [[0], [0, 1], [0, 2], [0, 1], [0], [2], [1]]


def test_no_request_comes_by_exchange_twice() -> None:
    exchanged = 0
    for seed in range(40):
        draw = Random(seed)
        engine = Watched(_model(blocks=draw.randint(8, 14)))
        intake = engine._scheduler._intake
        times: Counter[int] = Counter()

        def counted(
            sequence: Sequence, candidates: list[Sequence], real=intake._open_in_exchange, times=times
        ) -> Lease | None:
            lease = real(sequence, candidates)
            times[sequence.request.id] += lease is not None
            return lease

        intake._open_in_exchange = counted  # type: ignore[method-assign]
        for start in range(8):
            new, client = draw.randint(2, 12), draw.choice(["many", "many", "one"])
            engine.start([start] * draw.randint(2, 8), max_tokens=new, client=client)
            for _ in range(draw.randint(0, 3)):
                engine.step()
        engine.finish()
        assert max(times.values(), default=0) <= 1
        exchanged += times.total()
    assert exchanged > 20
