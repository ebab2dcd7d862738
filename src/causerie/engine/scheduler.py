"""Who runs in the next step. Pure bookkeeping over values: it knows no arrays, no model and no clock of its own.

    waiting ──admit──▶ running ──commit──▶ ended
       ▲                  │
       └────preempt───────┘   (the cache has no room: the latest arrival gives way and is read again later)

Every step first serves the sequences that only need their next token, one row each, then spends what is left of the
step's rows on reading prompts in chunks, and what is left then on drafts of what may follow those next tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Many

from causerie.cache.book import CacheBook
from causerie.decoding.drawn import Drawn
from causerie.engine.drafts import Drafts
from causerie.engine.intake import Intake
from causerie.engine.message_ends import message_ends
from causerie.engine.plan import Copies, Plan, Work
from causerie.engine.reading import lease_of, shared_rows, work_of
from causerie.engine.request import FinishReason, Request, TokenEvent
from causerie.engine.roster import Roster
from causerie.engine.sequence import Sequence


class Scheduler:
    """Continuous batching over one cache. `max_tokens` rows, of which `max_rows` may want logits, make a step."""

    def __init__(
        self,
        cache: CacheBook,
        *,
        context: int,
        max_tokens: int,
        max_rows: int,
        clock: Callable[[], float],
        drafts: Drafts | None = None,
        switch: int | None = None,
        note: Callable[[Sequence], None] | None = None,
    ) -> None:
        """`switch` as in StepModel.switch_length; `note` is told of each sequence that ends, while it has its lease."""
        self.cache = cache
        self.capacity = context if cache.capacity is None else min(context, cache.capacity)  # longest sequence
        self.roster = Roster(cache)
        self._max_tokens = max_tokens
        self._max_rows = max_rows
        self._slots = cache.slots.pool.total
        self._windowed = any(group.window is not None for group in cache.groups)
        most = min(max_tokens, max_rows)  # each running sequence may want a row, and logits of it
        self._intake = Intake(self.roster, most, clock)
        self._clock = clock
        self._drafts = drafts
        self._switch = switch
        self._note = note
        self._ended: list[TokenEvent] = []
        self._timed = 0  # sequences with a deadline

    @property
    def busy(self) -> bool:
        """Whether a further step would do anything."""
        return bool(self.roster.running or self.roster.waiting or self._ended)

    def submit(self, request: Request, arrival: float | None = None) -> None:
        """Puts a request, which must fit `capacity`, in line; it came at `arrival`, now where that is left out."""
        now = self._clock() if arrival is None else arrival
        sequence = Sequence(request, now, self.capacity, self._switch)
        if sequence.full and not request.params.collects:
            self._ended.append(sequence.end("length", now))
            return
        if self._slots and not sequence.pools:
            sequence.ends = message_ends(request.tokens, frozenset(request.params.eos), self.cache.block_size)
        self._timed += sequence.timed
        self.roster.waiting.add(sequence)

    def cancel(self, request: int) -> None:
        """Ends a request, where one of that number has not ended."""
        for sequence in self.roster:
            if sequence.request.id == request:
                self._ended.append(self._end(sequence, "cancelled", self._clock()))
                return

    def schedule(self) -> Plan:
        """The next step. It must be given back to `commit` or `fail` before anything else is asked."""
        if self._timed:
            self._expire()
        running = self.roster.running
        for sequence in list(running):
            lease = sequence.lease
            if lease is not None and (self._slots or len(sequence.tokens) > lease.room):
                self.roster.grow(sequence)
        singles = [sequence for sequence in running if _is_single(sequence)]
        copies: tuple[Copies, ...] = ()
        beginnings: list[TokenEvent] = []
        if self.roster.waiting and len(singles) < self._max_tokens:
            leases, beginnings = self._intake.admit()
            copies = tuple(zip(*(lease.copies for lease in leases if lease.copies), strict=True))
            singles = [sequence for sequence in running if _is_single(sequence)]
        works, faults = self._works(singles)
        ended, self._ended = tuple(self._ended), []
        return Plan(tuple(works), copies, ended, tuple(beginnings), faults)

    def commit(self, plan: Plan, drawn: Many[Many[Drawn]]) -> list[TokenEvent]:
        """Takes the tokens drawn for each work of the plan, in order: one for each of its draws, or fewer where a draft
        was not what was drawn. The events of this step."""
        events = list(plan.ended)
        now = self._clock()
        self.cache.unpin()
        running = {sequence.request.id: sequence for sequence in self.roster.running}
        for work, tokens in zip(plan.works, drawn, strict=True):
            sequence = running[work.request.id]
            self._take(sequence, work, tokens, now, events)
            if sequence.lease is None:
                continue
            self.cache.record(sequence.lease, sequence.tokens, sequence.shareable)
            if self._slots and sequence.filled in sequence.ends:
                self.cache.remember(sequence.lease, sequence.tokens, sequence.filled)
            if self._windowed:
                self.cache.slide(sequence.lease, sequence.filled)
            if sequence.turns_anew:
                self.roster.read_again(sequence)
        return events

    def fail(self, plan: Plan, error: str) -> list[TokenEvent]:
        """The step could not be run: its requests end with `error`, all other sequences will be read again."""
        now = self._clock()
        numbers = {work.request.id for work in plan.works}
        failed = [sequence for sequence in self.roster.running if sequence.request.id in numbers]
        self.roster.discard(without=failed)
        self._timed -= sum(sequence.timed for sequence in failed)
        return [*plan.ended, *(sequence.end("error", now, error) for sequence in failed)]

    def check_integrity(self) -> None:
        """Raises EngineError when a block or a slot is leaked or held by someone unknown."""
        self.cache.check_integrity(lease_of(sequence) for sequence in self.roster.running)

    def _works(self, singles: list[Sequence]) -> tuple[list[Work], dict[int, str]]:
        """The work of those that only need their next token, and of those that read; with the faults of drafting."""
        running = self.roster.running
        read: list[Work] = []
        if len(singles) < len(running):
            reading = [each for each in running if not _is_single(each)]
            read = shared_rows(reading, self._max_tokens - len(singles), self._max_rows - len(singles))
        if self._drafts is None or self._drafts.rests(singles):
            return [work_of(sequence, 1) for sequence in singles] + read, {}
        tokens = self._max_tokens - len(singles) - sum(len(work.tokens) for work in read)
        rows = self._max_rows - len(singles) - sum(work.wants for work in read)
        planned = self._max_tokens - tokens
        headroom = None if self.roster.waiting else len(running)  # a block for each that may soon need it
        drafts, faults = self._drafts.propose(singles, planned, min(tokens, rows), headroom)
        return [work_of(sequence, 1, draft) for sequence, draft in zip(singles, drafts, strict=True)] + read, faults

    # ── what a step gave ─────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, sequence: Sequence, work: Work, tokens: Many[Drawn], now: float, events: list[TokenEvent]) -> None:
        """Adds the events of one work of a step, whose sequence goes on with the tokens drawn for it, or ends."""
        drafted = work.draws - 1 if work.draws else 0
        read = work.start + len(work.tokens) - drafted  # its draft counts as far as it is accepted
        self._advance(sequence, read, drafted)
        if work.request.params.collects:
            sequence.collected = max(sequence.collected, min(sequence.filled, sequence.prompt))
        if work.request.params.prompt_progress and sequence.first is None:
            events.append(sequence.progress(now))
        for accepted, token in enumerate(tokens):
            if accepted:  # the drafted one before it was right
                self._advance(sequence, read + accepted, drafted - accepted)
            event = self._add(sequence, token, now)
            events.append(event)
            if event.finish_reason is not None:
                break
        if not tokens and not sequence.remaining and sequence.full:  # only its prompt was asked about
            events.append(self._end(sequence, "length", now))

    def _advance(self, sequence: Sequence, filled: int, unsure: int) -> None:
        """A sequence is read up to `filled`, and `unsure` more of its draft were. Its slots hold what came before the
        step, or after all of it: where there are any, a draft that is not wholly right is read again."""
        if self._slots:
            if unsure:
                return
            self.cache.slots.advance(lease_of(sequence))
        sequence.filled = filled

    def _add(self, sequence: Sequence, drawn: Drawn, now: float) -> TokenEvent:
        """Appends a drawn token, ends the sequence if that was its last, and tells the event."""
        if drawn.error is not None:
            return self._end(sequence, "error", now, drawn.error, drawn.error_field)
        sequence.tokens.append(drawn.token)
        if sequence.first is None:
            sequence.first = now
        reason: FinishReason | None = None
        if drawn.token in sequence.eos:
            reason = "stop"
        elif sequence.full:
            reason = "length"
        elif sequence.deadline is not None and now > sequence.deadline:
            reason = "time"
        stats = None if reason is None else sequence.stats(now)
        if reason is not None:
            self._leave(sequence)
        return TokenEvent(
            sequence.request.id,
            drawn.token,
            reason,
            drawn.logprob,
            drawn.top_logprobs,
            drawn.logits,
            drawn.scores,
            stats=stats,
        )

    def _end(
        self,
        sequence: Sequence,
        reason: FinishReason,
        now: float,
        error: str | None = None,
        error_field: str | None = None,
    ) -> TokenEvent:
        self._leave(sequence)
        return sequence.end(reason, now, error, error_field)

    def _leave(self, sequence: Sequence) -> None:
        self._timed -= sequence.timed
        if self._drafts is not None:
            self._drafts.remember(sequence)
        if self._note is not None:
            self._note(sequence)
        self.roster.leave(sequence)

    def _expire(self) -> None:
        now = self._clock()
        for sequence in list(self.roster):
            if sequence.deadline is not None and now > sequence.deadline:
                self._ended.append(self._end(sequence, "time", now))
            elif sequence.latest is not None and sequence.cached is None and now > sequence.latest:
                waited = f"The request waited {now - sequence.arrival:.0f} s in line, behind others. Ask again later."
                self._ended.append(self._end(sequence, "error", now, waited))


def _is_single(sequence: Sequence) -> bool:
    """Whether it only needs its next token. One that pools needs none: its last row is read as its others are."""
    return sequence.remaining == 1 and not sequence.pools
