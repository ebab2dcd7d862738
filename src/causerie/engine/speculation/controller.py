"""How many drafted tokens the next step checks: as many as give the most expected tokens in a second, none included.

It learns what steps of so many rows take and how often drafts are right, also of those that were not checked: what
comes is compared with them. Pure bookkeeping over values; it knows no clock, no model, no sequence and no drafter
but by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causerie.engine.speculation.acceptance import Acceptance
from causerie.engine.speculation.ledger import Ledger
from causerie.engine.speculation.step_costs import StepCosts

_MARGIN = 1.01  # times the tokens in a second of a plain step, that make a draft worth it
_ASKING = 0.005  # of all time that may go into drafts that are not worth checking
_GUESS_MARGIN = (
    1.12  # the same for guesses of a model, of which more is estimated: it also takes others' place in caches
)
_DEEPEST, _PROBE = 16, 2  # tokens of a draft that is guessed one by one: at most, and where it only may be worth it
_LONGEST_ASKING = 20.0  # plain steps that drafts of a step may count for: the process may have been stopped meanwhile
_ENOUGH = 6  # measurements of what a guess takes, before what they say is thought of the next request too
_PLAIN = (8, 256)  # after so many steps with drafts one is plain, lest its cost be forgotten; twice as many each time


@dataclass(slots=True)
class _Turn:
    """When a drafter is asked for a request."""

    gap: int = 0  # steps that were passed over before it
    step: int = 0  # the number of the next one


@dataclass(frozen=True, slots=True)
class SmallStep:
    """What a step did that has no more rows than costs are known for."""

    rows: int
    sequences: int  # that it draws next tokens for, and perhaps drafts
    drafted: int = 0  # of the rows
    accepted: int = 0  # of those
    again: Sequence[int] = ()  # for each draft that was not wholly right and is read again: rows of that, beyond one
    asking: float = 0.0  # seconds that drafts took
    alike: bool = True  # whether each row ends in logits; rows of prompts take less, and say nothing of others


@dataclass(frozen=True, slots=True)
class Prospect:
    """What guessing for a request is expected to be worth."""

    pays: bool
    most: int  # tokens to guess; 0 where that was tried for others in vain, and this request's turn comes later
    rates: Sequence[float]  # for each kind of evidence, how likely such a token is right
    least: float  # how likely all of a draft must be right for a further token to be worth its cost


class Controller:
    """One for an engine: what it learned of one request helps the next."""

    def __init__(self, drafters: Mapping[str, Sequence[float]]) -> None:
        """`drafters` by name, with their `chances`."""
        self.costs = StepCosts()
        self.ledger = Ledger()
        self._acceptance: dict[str, Acceptance] = {}
        self._asking: dict[str, float] = {}  # seconds that a draft for one request takes
        self._guessing: dict[str, StepCosts] = {}  # a token for each of so many requests
        self._measured: dict[str, int] = {}  # how often that was measured
        self._gaps: dict[str, int] = {}  # steps that were last passed over, of drafters that guess
        self._turns: dict[tuple[str, int], _Turn] = {}
        self._drafted, self._plain_gap = 0, _PLAIN[0]  # steps with drafts since the last plain one
        for name, chances in drafters.items():
            self.adopt(name, chances)

    def adopt(self, drafter: str, chances: Sequence[float]) -> None:
        """From now on there is this drafter, of which nothing is known yet."""
        self._acceptance[drafter] = Acceptance(chances)
        self._asking[drafter] = 0.0
        self._guessing[drafter] = StepCosts()
        self._measured[drafter] = 0
        self._gaps.pop(drafter, None)

    def turn(self, drafter: str, request: int) -> int:
        """The number of the step in which the drafter is to be asked for the request: of each where that costs next to
        nothing or pays, else ever more seldom."""
        turn = self._turns.get((drafter, request))
        return 0 if turn is None else turn.step

    def asked(self, drafter: str, requests: int, seconds: float) -> None:
        """Drafts for so many requests took so long."""
        each = seconds / requests
        before = self._asking[drafter]
        if not before or each < before:  # whatever else it waited for, so fast it is
            self._asking[drafter] = each
        else:
            self._asking[drafter] += 0.1 * (min(each, 2 * before) - before)

    def guessed(self, drafter: str, requests: int, tokens: int, seconds: float) -> None:
        """Up to so many tokens were guessed one by one for each of so many requests, which took so long."""
        if tokens:
            self._guessing[drafter].observe(requests, seconds / tokens)
            self._measured[drafter] += 1

    def pause(self, rows: int) -> int:
        """For how many steps nobody is to be asked, where each has `rows` without drafts: to ask costs time too, also
        where nothing of it is checked, and of many short answers none may be long enough to pay for that."""
        return self.ledger.pause(self.costs.of(rows)) if self.costs.measured else 0

    def spends(self, rows: int) -> bool:
        """Whether anything may be drafted for a step of `rows` without that."""
        return not self.ledger.overdrawn and self._drafted < self._plain_gap and self.costs.tried(rows)

    def prospect(
        self, drafter: str, request: int, rival: Sequence[float], rows: int, sequences: int
    ) -> Prospect | None:
        """What it is worth to have tokens guessed for a request, one by one, where a step of `rows` draws next tokens
        of so many `sequences`, all thought alike. None where a draft that is there already, by its survivals `rival`,
        is worth as much."""
        costs, acceptance = self.costs, self._acceptance[drafter]
        chance, each = acceptance.average(request), self._guessing[drafter].of(sequences)
        if not self._guessing[drafter].measured:
            each = costs.of(sequences) / 3
        powers = [chance**depth for depth in range(1, _DEEPEST + 1)]
        rate, depth = self._best_rate(powers, rows, sequences, each, _GUESS_MARGIN)
        if rival and self._best_rate(rival, rows, sequences, 0.0, _MARGIN)[0] >= rate:
            return None
        if not depth:
            passes = self._vain(drafter) and (drafter, request) not in self._turns
            self._gaps.setdefault(drafter, 0)
            return Prospect(False, 0 if passes else _PROBE, acceptance.rates(request), 0.0)
        row = (costs.of(rows + sequences * depth) - costs.of(rows)) / (sequences * depth)
        least = (each / sequences + row) * rate / chance
        return Prospect(True, _DEEPEST, acceptance.rates(request), least)

    def survivals(self, drafter: str, request: int, evidence: Sequence[int]) -> list[float]:
        """For each token of a draft how likely it is that it and all before it are right."""
        return self._acceptance[drafter].survivals(request, evidence)

    def depths(self, survivals: Sequence[Sequence[float]], rows: int, most: int, read_again: bool) -> list[int]:
        """Of each draft, by `survivals`, how many tokens are checked: `most` in all, in a step of `rows` without them.
        Where drafts that are not wholly right are to be `read_again`, that is weighed too."""
        depths = [0] * len(survivals)
        if not self.spends(rows):
            return depths
        steps = sorted(
            (-chance, depth, place, chances[depth - 1] if depth else 1.0)
            for place, chances in enumerate(survivals)
            for depth, chance in enumerate(chances)
        )[: max(most, 0)]
        plain = self.costs.of(rows)
        best, count, rate = 0, 0, _MARGIN * len(survivals) / plain
        tokens, again = float(len(survivals)), 0.0
        for extra in self.costs.choices(rows, len(steps)):
            for chance, depth, _, before in steps[count:extra]:
                tokens -= chance
                if read_again:
                    again += (before + chance) * (self.costs.of(rows + depth + 1) - plain)
            count = extra
            if (now := tokens / (self.costs.of(rows + extra) + again)) > rate:
                best, rate = extra, now
        for _, _, place, _ in steps[:best]:
            depths[place] += 1
        return depths

    def settle(self, drafter: str, request: int, step: int, pays: bool, sequences: int) -> None:
        """Whether what the drafter was asked for in this step is checked: when it is to be asked again, with so many
        sequences in a step."""
        turn = self._turns.get((drafter, request))
        if turn is None:
            turn = self._turns[drafter, request] = _Turn(self._gaps[drafter] // 4 if self._vain(drafter) else 0)
        bound = 0
        if not pays and self.costs.measured:
            bound = int(self._asking[drafter] * sequences / (_ASKING * self.costs.of(sequences)))
        turn.gap = min(2 * turn.gap + 1, bound)
        turn.step = step + 1 + turn.gap
        if drafter in self._gaps:
            self._gaps[drafter] = turn.gap

    def learn(self, drafter: str, request: int, kind: int, right: bool) -> None:
        """A drafted token that this kind of evidence spoke for was the one that came, or not; checked or not."""
        self._acceptance[drafter].learn(request, kind, right)

    def observe(self, ran: SmallStep, seconds: float, steps: int = 1) -> float:
        """What a step took, and with that what its drafts were worth, which is returned: seconds won, or lost, against
        steps without any. It stands for so many `steps` like it."""
        costs, plain_rows = self.costs, ran.rows - ran.drafted
        if ran.alike:
            costs.observe(ran.rows, seconds)
        plain = costs.of(plain_rows)
        gain = -min(ran.asking, _LONGEST_ASKING * plain) if costs.measured else 0.0
        if ran.drafted:
            gain += ran.accepted * plain / ran.sequences - (costs.of(ran.rows) - plain)
            gain -= sum(costs.of(plain_rows + more) - plain for more in ran.again)
            self._drafted += 1
        elif self._drafted and ran.rows == ran.sequences:
            if self._drafted >= self._plain_gap:
                self._plain_gap = min(2 * self._plain_gap, _PLAIN[1])
            self._drafted = 0
        if costs.measured:  # before that costs are no seconds, and the account would begin with thousands of steps
            self.ledger.enter(plain, steps * seconds, gain)
        return gain

    def _vain(self, drafter: str) -> bool:
        """Whether it was tried in vain, and often enough to believe that."""
        return self._measured[drafter] >= _ENOUGH and self._gaps.get(drafter, 0) > 0

    def _best_rate(
        self, survivals: Sequence[float], rows: int, sequences: int, guess: float, margin: float
    ) -> tuple[float, int]:
        """The most tokens in a second where each sequence has a draft like this, of which each token took `guess`
        seconds for all; and with how many of the draft. With none of it, where that is not worse by the margin."""
        best, depth = margin * sequences / self.costs.of(rows), 0
        tokens = float(sequences)
        for deep, chance in enumerate(survivals, 1):
            tokens += sequences * chance
            rate = tokens / (self.costs.of(rows + sequences * deep) + deep * guess)
            if rate > best:
                best, depth = rate, deep
        return best, depth

    def forget(self, request: int) -> None:
        """The request has ended."""
        for name, acceptance in self._acceptance.items():
            acceptance.forget(request)
            self._turns.pop((name, request), None)
