"""The controller on simulated machines, with drafts that are right as often as is said: it does not lose where they are
wrong, and it comes near the best depth where they are right. Times are simulated; nothing is timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest

from causerie.engine.speculation.controller import Controller, SmallStep
from causerie.engine.speculation.step_costs import MOST_ROWS, StepCosts

Cost = Callable[[int], float]  # seconds of a step by its rows

MACHINES: dict[str, Cost] = {
    "memory alone": lambda rows: 0.05,
    "nearly flat": lambda rows: 0.05 + 0.001 * rows,
    "two cores": lambda rows: 0.05 * (1.0 if rows == 1 else 1.3 + 0.25 * (rows - 1)),
    "rows in fours": lambda rows: 0.02 * (1 + 0.5 * ((rows + 3) // 4)),
    "arithmetic alone": lambda rows: 0.001 * rows,
    "experts from a disk": lambda rows: 0.3 * rows**0.9,
}


@dataclass
class Machine:
    """Time on it, with noise: a step in twenty takes half as long again, one in a hundred five times as long."""

    cost: Cost
    noise: Random | None = None

    def seconds(self, rows: int) -> float:
        if self.noise is None:
            return self.cost(rows)
        draw = self.noise.random()
        return self.cost(rows) * (5.0 if draw < 0.01 else 1.5 if draw < 0.06 else self.noise.uniform(0.97, 1.03))


@dataclass
class Text:
    """How likely a drafted token is right, at each token of the answer."""

    chance: Callable[[int], float]
    seed: int = 0


def simulate(
    controller: Controller,
    machine: Machine,
    texts: list[Text],
    tokens: int,
    asking: float = 0.0,
    read_again: bool = False,
) -> tuple[float, int]:
    """Seconds until all texts, in one batch, have so many tokens; and how many were drafted."""
    lengths, randoms = [0] * len(texts), [Random(text.seed) for text in texts]
    seconds, drafted_in_all, pending, step = 0.0, 0, [0] * len(texts), 0
    while running := [place for place, length in enumerate(lengths) if length < tokens]:
        ready = [place for place in running if not pending[place]]
        rows = len(ready) + sum(pending[place] + 1 for place in running if pending[place])
        asked = [place for place in ready if controller.turn("scripted", place) <= step]
        spent = asking * len(asked)
        if asked and asking:
            controller.asked("scripted", len(asked), spent)
        drafts = {
            place: [randoms[place].random() < texts[place].chance(lengths[place]) for _ in range(40)] for place in asked
        }
        survivals = [controller.survivals("scripted", place, [0] * len(drafts.get(place, ()))) for place in ready]
        depths = dict(zip(ready, controller.depths(survivals, rows, MOST_ROWS - rows, read_again), strict=True))
        for place in asked:
            controller.settle("scripted", place, step, depths[place] > 0, len(running))
        accepted, again = 0, []
        for place in running:
            depth, draft = depths.get(place, 0), drafts.get(place, [])
            right = next((at for at in range(depth) if not draft[at]), depth)
            for at in range(min(right + 1, len(draft))):
                controller.learn("scripted", place, 0, draft[at])
            accepted += right
            lengths[place] += 1 + right
            pending[place] = right + 1 if read_again and right < depth else 0
            if pending[place]:
                again.append(right + 1)
        drafted = sum(depths.values())
        took = machine.seconds(rows + drafted)
        controller.observe(SmallStep(rows + drafted, max(len(ready), 1), drafted, accepted, again, spent), took)
        seconds += took + spent
        drafted_in_all += drafted
        step += 1
    for place in range(len(texts)):
        controller.forget(place)
    return seconds, drafted_in_all


def fresh() -> Controller:
    return Controller({"scripted": (0.5,)})


def plain(machine: Machine, sequences: int, tokens: int) -> float:
    return sum(machine.seconds(sequences) for _ in range(tokens))


def best_fixed(cost: Cost, chance: float) -> float:
    """Seconds of a token at the best depth that never changes."""
    return min(cost(1 + depth) / sum(chance**each for each in range(depth + 1)) for depth in range(41))


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("sequences", [1, 5])
def test_wrong_drafts_lose_next_to_nothing(name: str, noisy: bool, sequences: int) -> None:
    texts = [Text(lambda at: 0.0) for _ in range(sequences)]
    took, _ = simulate(fresh(), Machine(MACHINES[name], Random(1) if noisy else None), texts, 1000)
    baseline = plain(Machine(MACHINES[name], Random(1) if noisy else None), sequences, 1000)
    assert took <= baseline / 0.98


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("read_again", [False, True])
@pytest.mark.parametrize("run", [3, 20, 100])
def test_texts_that_turn_lose_next_to_nothing(name: str, read_again: bool, run: int) -> None:
    """Right for a while, then wrong for as long: the controller always believes what was."""
    texts = [Text(lambda at: float(at // run % 2 == 0))]
    took, _ = simulate(fresh(), Machine(MACHINES[name]), texts, 2000, read_again=read_again)
    assert took <= plain(Machine(MACHINES[name]), 1, 2000) / 0.98


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("chance", [0.4, 0.7, 0.9, 0.98])
@pytest.mark.parametrize("name", MACHINES)
def test_right_drafts_gain_nearly_what_the_best_depth_gains(name: str, chance: float, noisy: bool) -> None:
    cost = MACHINES[name]
    took, _ = simulate(fresh(), Machine(cost, Random(2) if noisy else None), [Text(lambda at: chance)], 3000)
    mean = plain(Machine(lambda rows: 1.0, Random(2) if noisy else None), 1, 3000) / 3000
    assert took <= 3000 * best_fixed(cost, chance) * mean / 0.86


def test_drafts_that_take_long_are_asked_for_seldom() -> None:
    took, _ = simulate(fresh(), Machine(MACHINES["nearly flat"]), [Text(lambda at: 0.0)], 2000, asking=0.05)
    assert took <= plain(Machine(MACHINES["nearly flat"]), 1, 2000) / 0.98


def test_a_draft_that_would_be_read_again_is_shorter() -> None:
    controller = fresh()
    simulate(controller, Machine(MACHINES["two cores"]), [Text(lambda at: 0.8)], 400)
    chances = [0.8**depth for depth in range(1, 30)]
    once, again = (controller.depths([chances], 1, 60, each)[0] for each in (False, True))
    assert once > again > 0
    for _ in range(2):
        controller.costs.observe(2, MACHINES["two cores"](2))
    likely = [0.99**depth for depth in range(1, 30)]
    assert controller.depths([likely, chances], 2, 60, True)[0] > again  # the rows go where they are worth more


def test_what_was_learned_of_one_request_helps_the_next() -> None:
    controller = fresh()
    for wrong in (True, False):
        texts = [Text(lambda at, wrong=wrong: 0.0 if wrong else 0.95)]
        _, drafted = simulate(controller, Machine(MACHINES["two cores"]), texts, 300)
        _, drafted_again = simulate(controller, Machine(MACHINES["two cores"]), texts, 3)
        assert (drafted_again == 0) == wrong
        assert drafted < 10 if wrong else drafted > 200


def test_drafts_fade_where_rows_are_no_longer_free() -> None:
    """Sixty sequences fill the rows that reading the weights pays for."""
    cost: Cost = lambda rows: 0.05 * max(1.0, rows / 8)  # noqa: E731
    drafted = {}
    for sequences in (1, 6, 12, 40):
        texts = [Text(lambda at: 0.6, seed=each) for each in range(sequences)]
        drafted[sequences] = simulate(fresh(), Machine(cost), texts, 400)[1] / sequences
    assert drafted[1] > drafted[6] > 4 * drafted[12] and drafted[40] < 20


def test_a_longer_context_is_no_reason_to_think_drafts_dear() -> None:
    """All steps take longer as a text grows; the choice stays what it is."""
    controller = fresh()
    machine = Machine(MACHINES["nearly flat"])
    simulate(controller, machine, [Text(lambda at: 0.9)], 500)
    before = controller.costs.of(6) / controller.costs.of(1)
    for longer in range(1, 31):
        slower = Machine(lambda rows, longer=longer: (1 + 0.1 * longer) * MACHINES["nearly flat"](rows))
        simulate(controller, slower, [Text(lambda at: 0.9)], 400)
    assert controller.costs.of(6) / controller.costs.of(1) == pytest.approx(before, rel=0.15)
    assert controller.costs.of(1) == pytest.approx(0.204, rel=0.15)


def test_costs_are_those_of_the_steps() -> None:
    costs, random = StepCosts(), Random(4)
    cost = MACHINES["two cores"]
    for _ in range(600):
        rows = random.choice((1, 1, 2, 3, 5, 8, 16, 32, 64))
        costs.observe(rows, Machine(cost, random).seconds(rows))
    for rows in (1, 2, 3, 4, 5, 7, 8, 12, 30, 64):
        assert costs.of(rows) == pytest.approx(cost(rows), rel=0.12)


def test_more_rows_that_took_less_correct_fewer() -> None:
    """Steps of four and five rows were measured while another program ran, and nobody chose so many again."""
    costs = StepCosts()
    for rows, seconds in ((1, 0.005), (4, 0.011), (5, 0.012)):
        costs.observe(rows, seconds)
    for _ in range(8):
        costs.observe(8, 0.007)
    assert costs.of(1) <= costs.of(4) <= costs.of(5) <= costs.of(8) < 0.0075


def test_the_first_step_of_all_may_be_slow() -> None:
    costs = StepCosts()
    costs.observe(1, 3.0)
    for _ in range(3):
        costs.observe(1, 0.05)
    assert costs.of(1) == pytest.approx(0.05, rel=0.05)
