"""Random chats that begin alike, go on, are edited, branch and are cancelled, on models that keep pages, windows and
slots, with and without drafts that are wrong at random: every answer is the one that its request has alone. Denser than
the traffic of test_traffic.py, which finds small failing examples."""

from __future__ import annotations

from random import Random

import pytest

from causerie.decoding.params import SamplingParams
from tests.engine.scripted import ScriptedDrafter, ScriptedModel, eager
from tests.engine.test_traffic import EOS, Traffic, hybrid, run

VOCAB = 12


def model_of(draw: Random, kind: str) -> ScriptedModel:
    """A model of one kind, with little room."""
    size = draw.choice([1, 2, 4, 8])
    context = draw.randint(24, 64)
    shared = draw.choice([None, None, draw.randint(8, 40)])
    plain = ScriptedModel(
        vocab=VOCAB,
        context=context,
        blocks=-(-context // size) + draw.randint(-2, 12),
        block_size=size,
        max_tokens=draw.choice([1, 2, 3, 7, 16, 64]),
        shared_length=shared,
        switch_length=draw.choice([None, shared]),
        fail_at=frozenset([draw.randint(5, 60)]) if draw.random() < 0.15 else frozenset(),
        seconds=1.0,
    )
    windows = [(window, draw.randint(0, 12)) for window in draw.sample(range(2, 14), draw.choice([1, 1, 2]))]
    slots = draw.choice([1, 2, 3, 5, 12])
    full = kind == "pages" or draw.random() < 0.6
    return hybrid(plain, windows if "windows" in kind else [], slots if "slots" in kind else 0, full)


def prompt_of(draw: Random, traffic: Traffic, starts: list[list[int]]) -> list[int]:
    """A chat's beginning, what was said after an answer, the same with its end edited, or from the middle of it."""
    if not traffic.requests or draw.random() < 0.4:
        start = draw.choice(starts)
    else:
        number = draw.choice(list(traffic.requests))
        start = list(traffic.requests[number].tokens) + traffic.texts[number]
        if draw.random() < 0.4:
            start = start[: draw.randint(1, len(start))]
    return start + [draw.randint(0, 4) for _ in range(draw.choice([0, 1, 1, 2, 5]))] or [1]


def script_of(draw: Random, traffic: Traffic) -> None:
    message = [draw.randint(0, 4) for _ in range(draw.randint(2, 9))] + [EOS]
    starts = [message, message + [draw.randint(0, 4) for _ in range(12)] + [EOS, 3]]
    starts += [[*message, 4, draw.randint(0, 4), EOS, 1, 1, EOS], [draw.randint(0, 4) for _ in range(20)]]
    for _ in range(40):
        what = draw.random()
        if what < 0.45:
            params = SamplingParams(
                max_tokens=draw.choice([None, 0, 1, 3, 8, 20]),
                eos=draw.choice([(), (EOS,), (EOS,)]),
                ignore_eos=draw.random() < 0.3,
                temperature=draw.choice([0.0, 1.0]),
                seed=draw.randint(0, 3),
                max_time=draw.choice([None] * 9 + [3.5]),
                prompt_logits=draw.random() < 0.05,
                client=draw.choice(["", "a", "b"]),
            )
            pooled = SamplingParams(max_tokens=0, pool_states=True, client="c")
            traffic.submit(prompt_of(draw, traffic, starts), pooled if draw.random() < 0.05 else params)
        elif what < 0.5:
            traffic.cancel(draw.randrange(len(traffic.requests) + 1))
        else:
            for _ in range(draw.choice([1, 2, 5, 12])):
                traffic.step()


@pytest.mark.parametrize("drafted", [False, True], ids=["plain", "drafted"])
@pytest.mark.parametrize("kind", ["pages", "windows", "slots", "windows and slots"])
def test_every_answer_is_the_one_that_its_request_has_alone(kind: str, drafted: bool) -> None:
    resumed = requests = preempted = 0
    for seed in range(40):
        draw = Random(f"{kind} {drafted} {seed}")
        drafter = ScriptedDrafter(VOCAB, draw.choice([1.0, 0.8, 0.3]), draw.choice([0.0, 0.3]), 6, seed)
        traffic = Traffic(model_of(draw, kind), drafter if drafted else None, eager(drafter))
        run(traffic, lambda traffic=traffic, draw=draw: script_of(draw, traffic))
        stats = [end.stats for end in traffic.ends.values() if end.stats is not None]
        resumed += sum(each.cached_tokens > 0 for each in stats)
        preempted += sum(each.preemptions > 0 for each in stats)
        requests += len(stats)
    assert resumed > requests / 12 and preempted > requests / 100, (resumed, preempted, requests)
