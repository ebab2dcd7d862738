"""The controller with a drafter whose every token costs, on simulated machines: it does not lose where guesses are
wrong, it comes near the best depth where they are right, and it stops where a guess is unlikely. Nothing is timed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from causerie.engine.speculation.controller import Controller, SmallStep
from causerie.engine.speculation.step_costs import MOST_ROWS

Cost = Callable[[int], float]  # seconds of a step by its rows

MACHINES: dict[str, Cost] = {
    "nearly flat": lambda rows: 0.05 + 0.001 * rows,
    "two cores": lambda rows: 0.05 * (1.0 if rows == 1 else 1.3 + 0.25 * (rows - 1)),
    "arithmetic alone": lambda rows: 0.01 * rows,
}
KINDS = (0.3, 0.95)  # how often guesses are right that seem unlikely, or likely


def simulate(
    controller: Controller,
    cost: Cost,
    guess: float,
    likely: float,
    tokens: int,
    right: float = 1.0,
    rival: tuple[float, ...] = (),
    request: int = 0,
) -> tuple[float, int]:
    """Seconds until a text has so many tokens, and how many were guessed. A guess takes the `guess`-th part of a plain
    step; so many of them are `likely`, and right as often as KINDS says, times `right`."""
    random, length, seconds, guesses, step = Random(0), 0, 0.0, 0, 0
    while length < tokens:
        prospect = None
        if controller.spends(1) and controller.turn("model", request) <= step:
            prospect = controller.prospect("model", request, rival, 1, 1)
            if prospect is not None and not prospect.most:
                controller.settle("model", request, step, False, 1)
                prospect = None
        kinds: list[int] = []
        hits: list[bool] = []
        survival, asking = 1.0, 0.0
        if prospect is not None:
            while len(kinds) < prospect.most and (not kinds or survival >= prospect.least):
                kinds.append(int(random.random() < likely))
                hits.append(random.random() < right * KINDS[kinds[-1]])
                survival *= prospect.rates[kinds[-1]]
            asking = len(kinds) * guess * cost(1)
            controller.asked("model", 1, asking)
            controller.guessed("model", 1, len(kinds), asking)
        (depth,) = controller.depths([controller.survivals("model", request, kinds)], 1, MOST_ROWS - 1, False)
        if prospect is not None:
            controller.settle("model", request, step, prospect.pays, 1)
        accepted = next((at for at in range(depth) if not hits[at]), depth)
        for at in range(min(accepted + 1, len(hits))):
            controller.learn("model", request, kinds[at], hits[at])
        took = cost(1 + depth)
        controller.observe(SmallStep(1 + depth, 1, depth, accepted, (), asking), took)
        seconds, length, guesses, step = seconds + took + asking, length + 1 + accepted, guesses + len(kinds), step + 1
    return seconds, guesses


def fresh() -> Controller:
    return Controller({"model": (0.4, 0.8)})


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("guess", [0.1, 0.4, 0.9])
def test_wrong_guesses_lose_next_to_nothing(name: str, guess: float) -> None:
    cost = MACHINES[name]
    took, _ = simulate(fresh(), cost, guess, 0.5, 1000, right=0.0)
    assert took <= 1000 * cost(1) / 0.98


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("guess", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("likely", [0.5, 0.9, 1.0])
def test_right_guesses_gain_what_the_best_depth_gains(name: str, guess: float, likely: float) -> None:
    """Or more, as it stops before an unlikely one; a gain that is small is not believed."""
    cost = MACHINES[name]
    chance = likely * KINDS[1] + (1 - likely) * KINDS[0]
    best = min(
        (cost(1 + depth) + depth * guess * cost(1)) / sum(chance**each for each in range(depth + 1))
        for depth in range(17)
    )
    took, _ = simulate(fresh(), cost, guess, likely, 3000)
    assert took <= 3000 * best / 0.85


def test_a_draft_ends_before_what_is_unlikely() -> None:
    """No depth that is always the same comes near."""
    cost, likely = MACHINES["nearly flat"], 0.7
    chance = likely * KINDS[1] + (1 - likely) * KINDS[0]
    best = min(
        (cost(1 + depth) + depth * 0.2 * cost(1)) / sum(chance**each for each in range(depth + 1))
        for depth in range(17)
    )
    assert simulate(fresh(), cost, 0.2, likely, 3000)[0] < 0.93 * 3000 * best


def test_a_model_is_not_asked_where_lookup_is_worth_as_much() -> None:
    controller = fresh()
    simulate(controller, MACHINES["nearly flat"], 0.3, 0.9, 500)
    assert controller.prospect("model", 0, (0.5,), 1, 1) is not None
    assert controller.prospect("model", 0, tuple(0.97**depth for depth in range(1, 20)), 1, 1) is None


def test_what_was_tried_in_vain_is_hardly_tried_again_for_the_next_request() -> None:
    controller = fresh()
    cost = MACHINES["nearly flat"]
    _, first = simulate(controller, cost, 0.9, 0.5, 300, right=0.0)
    guesses = [simulate(controller, cost, 0.9, 0.5, 300, right=0.0, request=request)[1] for request in range(1, 9)]
    assert first >= 4 and sum(guesses) < 8 * first / 2


def test_what_pays_is_guessed_for_the_next_request_at_once() -> None:
    controller = fresh()
    cost = MACHINES["nearly flat"]
    simulate(controller, cost, 0.2, 0.9, 300)
    _, guesses = simulate(controller, cost, 0.2, 0.9, 20, request=1)
    assert guesses > 12
