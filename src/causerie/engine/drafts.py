"""What a step checks beyond next tokens: drafts, in rows, blocks and slots that nobody else needs; and what came of
them.

Knows sequences, their leases and drafters; no line, and no other work of the step. How many tokens are worth their rows
is for the controller to say.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass

from causerie.cache.book import CacheBook
from causerie.decoding.drafting.drafter import Ask, Draft, Drafter, GuessingDrafter, RecallingDrafter
from causerie.decoding.drawn import Drawn
from causerie.engine.plan import Plan
from causerie.engine.reading import lease_of
from causerie.engine.request import DraftCount
from causerie.engine.sequence import Sequence
from causerie.engine.speculation.controller import Controller, SmallStep
from causerie.engine.speculation.schedule import Schedule
from causerie.engine.speculation.step_costs import MOST_ROWS
from causerie.engine.speculation.tally import Tally
from causerie.errors import EngineError

_REST = 1000  # steps until it is looked again whether drafts are wanted, where nobody who runs wants any


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What one drafter proposes for one request."""

    drafter: str
    tokens: array[int]
    evidence: Many[int]
    survivals: Many[float]
    pays: bool | None = None  # as was thought before it was made, where that took a model


class Drafts:
    """Asks drafters for the sequences of one cache."""

    def __init__(
        self,
        drafters: Many[Drafter],
        controller: Controller,
        cache: CacheBook,
        vocab: int,
        clock: Callable[[], float],
        unasked: bool = True,
    ) -> None:
        """`unasked`: whether requests are drafted for that name no drafters."""
        self._unasked = {drafter.name for drafter in drafters if unasked}
        self._sort(drafters)
        self._controller = controller
        self._cache = cache
        self._vocab = vocab
        self._clock = clock
        self._schedule = Schedule()
        self._proposals: dict[int, list[_Proposal]] = {}  # by request: of the step that is planned, the best one first
        self._asking = 0.0  # seconds that they took
        self._learning = 0.0  # seconds that it took to learn from the step before
        self._reading = 0.0  # seconds that models took before they could guess
        self._asked: dict[str, tuple[int, float]] = {}  # requests of this step by drafter, and the seconds it took
        self._step = self._observed = 0  # the number of this step, and of the last one that was observed
        self._until = 0  # the number of the next one in which somebody is asked, as long as the same sequences run
        self._running = (0, -1)  # how many, and the last of their requests
        self._resting = False
        self._tallies: dict[int, Tally] = {}  # by request
        self._total = Tally()

    def adopt(self, drafter: Drafter, unasked: bool) -> None:
        """Asks this one too, in the place of one of its name; where `unasked`, for requests that name no drafters."""
        self._sort([*(each for each in self._drafters if each.name != drafter.name), drafter])
        self._unasked = (self._unasked - {drafter.name}) | ({drafter.name} if unasked else set())
        self._controller.adopt(drafter.name, drafter.chances)
        self._until = 0

    @property
    def unasked(self) -> tuple[str, ...]:
        """By name, those that draft for requests that name none."""
        return tuple(drafter.name for drafter in self._drafters if drafter.name in self._unasked)

    def dismiss(self, drafter: str) -> None:
        """Asks the one of that name no more."""
        self._sort([each for each in self._drafters if each.name != drafter])
        self._unasked.discard(drafter)

    def rests(self, sequences: Many[Sequence]) -> bool:
        """Whether nothing is to be drafted for these in the step that is planned, nor to be observed of it. It is the
        first to be asked of each, and quick: where drafts do not pay they may cost nothing."""
        self._step += 1
        running = (len(sequences), sequences[-1].request.id if sequences else -1)
        self._resting = self._step < self._until and running == self._running
        self._running = running
        return self._resting

    def propose(
        self, sequences: Many[Sequence], planned: int, rows: int, headroom: int | None
    ) -> tuple[list[array[int]], dict[int, str]]:
        """A draft, perhaps empty, for each of the sequences, which only need their next token: `rows` tokens in all, in
        a step that has `planned` rows without them. New blocks are taken only where `headroom` of them remain to be
        had; never where it is None, nor a slot then. With the drafts, by request, the faults of the drafters."""
        self._proposals, self._asked = {}, {}
        faults: dict[int, str] = {}
        most = min(rows, MOST_ROWS - planned)
        self._reading, began = 0.0, self._clock()
        pause = self._controller.pause(planned)
        if sequences and most > 0 and not pause:
            for drafter in self._finding:
                self._find(drafter, sequences, most, faults)
            if self._guessing and self._controller.spends(planned):
                for guessing in self._guessing:
                    self._guess(guessing, sequences, planned, most, headroom, faults)
        drafts = [array("i")] * len(sequences)
        if self._proposals:
            drafts = self._worthwhile(sequences, planned, most, headroom)
        self._until = self._step + pause if pause else self._next_turn(sequences)
        self._asking = self._clock() - began - self._reading
        return drafts, faults

    def observe(self, plan: Plan, drawn: Many[Many[Drawn]], seconds: float) -> None:
        """The step that was planned has run, took so long and gave these tokens."""
        if self._resting:
            return
        began = self._clock()
        steps, self._observed = self._step - self._observed, self._step
        drafted = accepted = 0
        again: list[int] = []
        for work, tokens in zip(plan.works, drawn, strict=True):
            request, checked = work.request.id, max(work.draws - 1, 0)
            proposals = self._proposals.get(request, [])
            for proposal in proposals:
                for kind, token, each in zip(proposal.evidence, proposal.tokens, tokens, strict=False):
                    self._controller.learn(proposal.drafter, request, kind, each.token == token)
                    if each.token != token:
                        break
            if checked:
                right = max(len(tokens) - 1, 0)
                drafted += checked
                accepted += right
                self._schedule.learn(request, work.request.params, right == checked)
                for tally in (self._tallies.setdefault(request, Tally()), self._total):
                    tally.add(proposals[0].drafter, checked, right)
                if right < checked and self._cache.slots.pool.total:
                    again.append(right + 1)
        rows = sum(len(work.tokens) for work in plan.works)
        if rows <= MOST_ROWS:
            alike = rows == sum(work.wants for work in plan.works)
            singles = sum(len(work.tokens) - max(work.draws - 1, 0) == 1 for work in plan.works)
            ran = SmallStep(rows, singles, drafted, accepted, again, self._asking + self._learning, alike)
            self._weigh(plan, drawn, ran, self._controller.observe(ran, seconds, steps))
        self._learning = self._clock() - began
        self._charge()

    def counts(self, request: int | None = None) -> tuple[DraftCount, ...]:
        """What was drafted for a request that has not been forgotten, or for all, and by whom."""
        tally = self._total if request is None else self._tallies.get(request, Tally())
        names = [drafter.name for drafter in self._drafters]
        return tuple(DraftCount(name, tally.drafted[name], tally.accepted[name]) for name in names)

    def speedup(self, request: int, tokens: int) -> float | None:
        """How many times as fast the answer to a request that has not been forgotten, which has so many tokens, came as
        without drafts; None where none was checked."""
        tally = self._tallies.get(request)
        return tally.gain.speedup(tokens) if tally is not None and tally.drafted else None

    def remember(self, sequence: Sequence) -> None:
        """A sequence that has run leaves: its text is there for drafters that look into other texts than a request's
        own, where they may draft for it."""
        if sequence.cached is None or sequence.request.params.collects or sequence.pools:
            return
        for drafter in self._finding:
            if isinstance(drafter, RecallingDrafter) and self._may(drafter, sequence):
                drafter.remember(sequence.tokens, sequence.cached, sequence.client)

    def forget(self, request: int) -> None:
        """The request has ended."""
        self._controller.forget(request)
        self._schedule.forget(request)
        for drafter in self._drafters:
            drafter.forget(request)
        self._tallies.pop(request, None)

    def _weigh(self, plan: Plan, drawn: Many[Many[Drawn]], ran: SmallStep, gain: float) -> None:
        """Puts what a step gained, in seconds, down to each of its answers: without drafts each of an answer's tokens
        would have taken a step of its own."""
        plain = self._controller.costs.of(ran.rows - ran.drafted)
        took = plain * (1 + ran.accepted / max(ran.sequences, 1)) - gain
        for work, tokens in zip(plan.works, drawn, strict=True):
            begun = work.start + len(work.tokens) - work.draws >= len(work.request.tokens)
            if work.draws > 1 or (work.draws and begun):  # a prompt that is in the cache is drafted for at once
                self._tallies.setdefault(work.request.id, Tally()).gain.add(len(tokens), plain, took)

    def _worthwhile(self, sequences: Many[Sequence], planned: int, most: int, headroom: int | None) -> list[array[int]]:
        """Of the proposals what is worth checking and finds room."""
        best = [self._best(each.request.id) for each in sequences]
        survivals = [() if each is None else each.survivals for each in best]
        slots = bool(self._cache.slots.pool.total)
        depths = self._controller.depths(survivals, planned, most, read_again=slots)
        drafts = []
        for sequence, proposal, depth in zip(sequences, best, depths, strict=True):
            count = self._room(sequence, depth, headroom)
            drafts.append(array("i") if proposal is None else proposal.tokens[:count])
        self._settle(drafts, sequences)
        return drafts

    def _find(self, drafter: Drafter, sequences: Many[Sequence], rows: int, faults: dict[int, str]) -> None:
        """Adds what a drafter proposes that costs next to nothing, where so many rows are left, to the proposals."""
        wanting = [
            each
            for each in sequences
            if self._may(drafter, each)
            and self._controller.turn(drafter.name, each.request.id) <= self._step
            and each.request.id not in faults
        ]
        asks = [ask for each in wanting if (ask := _ask(each, rows, len(sequences), self._bound(each))) is not None]
        if asks:
            ends = {each.request.id: each.eos for each in wanting}
            self._take(drafter, asks, ends, {}, faults)

    def _guess(
        self,
        drafter: GuessingDrafter,
        sequences: Many[Sequence],
        planned: int,
        rows: int,
        headroom: int | None,
        faults: dict[int, str],
    ) -> None:
        """Adds what a model guesses, where that is worth more than what is proposed already, to the proposals."""
        asks: list[Ask] = []
        pays: dict[int, bool] = {}
        for sequence in sequences:
            request, lease = sequence.request.id, lease_of(sequence)
            copying = lease.copies and sequence.filled == lease.cached  # its cache is not whole before the step
            due = self._may(drafter, sequence) and self._controller.turn(drafter.name, request) <= self._step
            if request in faults or copying or not due:
                continue
            rival = self._best(request)
            survivals = () if rival is None else rival.survivals
            prospect = self._controller.prospect(drafter.name, request, survivals, planned, len(sequences))
            if prospect is None:
                continue
            if not prospect.most:
                self._controller.settle(drafter.name, request, self._step, False, len(sequences))
                continue
            ask = _ask(sequence, min(rows, prospect.most), 1, self._bound(sequence))
            if ask is None or not (room := self._room(sequence, ask.most, headroom)):
                continue
            pays[request] = prospect.pays
            asks.append(
                ask._replace(
                    most=room,
                    prompt=sequence.prompt,
                    tables=lease.tables,
                    turned=sequence.turned,
                    rates=prospect.rates,
                    least=prospect.least,
                )
            )
        if not asks:
            return
        began = self._clock()
        try:
            drafter.catch_up(asks)
        except Exception as fault:  # noqa: BLE001 - as in `_take`
            faults.update(dict.fromkeys((ask.request for ask in asks), _sentence(fault)))
            return
        reading = self._clock() - began
        self._reading += reading
        ends = {each.request.id: each.eos for each in sequences}
        self._take(drafter, asks, ends, pays, faults)
        if drafter.name in self._asked and not any(pays.values()):
            count, seconds = self._asked[drafter.name]
            self._asked[drafter.name] = (count, seconds + reading)  # what is read after a long rest is a part of a try

    def _take(
        self,
        drafter: Drafter,
        asks: Many[Ask],
        ends: dict[int, frozenset[int]],
        pays: dict[int, bool],
        faults: dict[int, str],
    ) -> None:
        """Adds what a drafter proposes to the proposals."""
        began = self._clock()
        try:
            drafts = drafter.propose(asks)
            if len(drafts) != len(asks):
                raise EngineError(f"{len(drafts)} drafts were made where {len(asks)} were asked for.")
        except Exception as fault:  # noqa: BLE001 - a fault while drafting must not end the requests beside
            faults.update(dict.fromkeys((ask.request for ask in asks), _sentence(fault)))
            return
        seconds = self._clock() - began
        for ask, draft in zip(asks, drafts, strict=True):
            try:
                tokens = self._checked(ask, draft, ends[ask.request], len(drafter.chances))
                survivals = self._controller.survivals(drafter.name, ask.request, draft.evidence[: len(tokens)])
            except Exception as fault:  # noqa: BLE001 - one request's draft must not end its neighbours
                faults[ask.request] = _sentence(fault)
                continue
            proposal = _Proposal(drafter.name, tokens, draft.evidence, survivals, pays.get(ask.request))
            self._proposals.setdefault(ask.request, []).append(proposal)
        self._asked[drafter.name] = (len(asks), seconds)
        if pays:
            self._controller.guessed(drafter.name, len(asks), max(len(draft.tokens) for draft in drafts), seconds)

    def _charge(self) -> None:
        """What the drafts of this step took falls to those that made them: the drafters' own time, and what it took to
        weigh their drafts and to learn from them, which for a quick drafter is more."""
        requests = sum(count for count, _ in self._asked.values())
        rest = self._asking + self._learning - sum(seconds for _, seconds in self._asked.values())
        for name, (count, seconds) in self._asked.items():
            self._controller.asked(name, count, seconds + max(rest, 0.0) * count / requests)
        self._asked = {}

    def _sort(self, drafters: Many[Drafter]) -> None:
        """Those that cost next to nothing are asked first."""
        self._drafters = drafters
        self._guessing = [drafter for drafter in drafters if isinstance(drafter, GuessingDrafter)]
        self._finding = [drafter for drafter in drafters if not isinstance(drafter, GuessingDrafter)]

    def _may(self, drafter: Drafter, sequence: Sequence) -> bool:
        named = sequence.request.params.drafters
        return drafter.name in (self._unasked if named is None else named)

    def _bound(self, sequence: Sequence) -> int | None:
        return self._schedule.most(sequence.request.id, sequence.request.params)

    def _checked(self, ask: Ask, draft: Draft, eos: frozenset[int], kinds: int) -> array[int]:
        """The tokens up to one that ends the answer. Raises EngineError for a draft that no drafter may make."""
        tokens = array("i", draft.tokens)
        if len(tokens) > ask.most:
            raise EngineError(f"{len(tokens)} tokens were proposed where {ask.most} were asked for.")
        if len(draft.evidence) != len(tokens):
            raise EngineError(f"{len(tokens)} tokens were proposed with evidence for {len(draft.evidence)}.")
        if not all(0 <= kind < kinds for kind in draft.evidence):
            raise EngineError(f"Evidence of the kinds {list(draft.evidence)} was given; there are 0 to {kinds - 1}.")
        for place, token in enumerate(tokens):
            if not 0 <= token < self._vocab:
                raise EngineError(f"Token {token} was proposed; the model's tokens are 0 to {self._vocab - 1}.")
            if token in eos:  # nothing follows it, so its row is of no use: it is drawn or not without that
                return tokens[:place]
        return tokens

    def _best(self, request: int) -> _Proposal | None:
        """The proposal of which most is likely right; it is put first."""
        proposals = self._proposals.get(request)
        if proposals is None:
            return None
        proposals.sort(key=lambda proposal: -sum(proposal.survivals))
        return proposals[0]

    def _settle(self, drafts: Many[array[int]], sequences: Many[Sequence]) -> None:
        for sequence, draft in zip(sequences, drafts, strict=True):
            for place, proposal in enumerate(self._proposals.get(sequence.request.id, ())):
                pays = bool(draft) and not place if proposal.pays is None else proposal.pays
                self._controller.settle(proposal.drafter, sequence.request.id, self._step, pays, len(sequences))

    def _next_turn(self, sequences: Many[Sequence]) -> int:
        turns = (
            self._controller.turn(drafter.name, each.request.id)
            for drafter in self._drafters
            for each in sequences
            if self._may(drafter, each)
        )
        return min(turns, default=self._step + _REST)

    def _room(self, sequence: Sequence, count: int, headroom: int | None) -> int:
        """For how many of `count` tokens after the sequence's own there are blocks, and a slot that they may leave."""
        lease, length = lease_of(sequence), len(sequence.tokens)
        room = lease.room - length
        if count > room and headroom is not None and self._cache.grow(lease, sequence.filled, length + count, headroom):
            room = count
        most = min(count, room)
        return most if most and self._cache.slots.set_apart(lease, may_take=headroom is not None) else 0


def _ask(sequence: Sequence, rows: int, sequences: int, bound: int | None) -> Ask | None:
    """What is to be drafted, `bound` tokens at most and up to where the answer could end, in steps with so many rows
    for drafts. The prompt of a request that collects is looked at row by row, and it is not drafted for."""
    params, length = sequence.request.params, len(sequence.tokens)
    most = min(-(-2 * rows // sequences), rows, sequence.limit - length - 1)  # a draw follows the last of them
    if sequence.switch is not None and sequence.turned <= sequence.switch:
        most = min(most, sequence.switch - length)  # beyond, all would have to be read anew
    if bound is not None:
        most = min(most, bound)
    if most < 1 or params.collects:
        return None
    return Ask(sequence.request.id, sequence.tokens, most, params.longest_match, params)


def _sentence(fault: Exception) -> str:
    return f"Drafting tokens failed: {type(fault).__name__}: {fault}"
