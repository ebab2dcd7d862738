"""Who runs in the next step. Pure bookkeeping over values: it knows no arrays, no model and no clock of its own.

    waiting ──admit──▶ running ──commit──▶ ended
       ▲                  │
       └────preempt───────┘   (blocks ran out: the latest arrival gives way and is read again later)

Every step first serves the sequences that only need their next token, one row each, then spends what is left of the
step's rows on reading prompts in chunks, and what is left then on drafts of what may follow those next tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Many

from causerie.cache.lease import CacheBook, Lease
from causerie.decoding.drawn import Drawn
from causerie.engine.drafts import Drafts
from causerie.engine.line import WaitingLine
from causerie.engine.plan import Plan, Work
from causerie.engine.reading import lease_of, shared_rows, work_of
from causerie.engine.request import FinishReason, Request, TokenEvent
from causerie.engine.sequence import Sequence

_MOST_PASSES = 8  # of shorter requests, by one that finds no room


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
    ) -> None:
        """`switch` as in StepModel.switch_length."""
        self.cache = cache
        self.capacity = min(context, cache.pool.total * cache.pool.block_size)  # longest sequence
        self.running: list[Sequence] = []  # by arrival
        self.waiting = WaitingLine()
        self._max_tokens = max_tokens
        self._max_rows = max_rows
        self._max_running = min(max_tokens, max_rows)  # each running sequence may want a row, and logits of it
        self._clock = clock
        self._drafts = drafts
        self._switch = switch
        self._ended: list[TokenEvent] = []
        self._timed = 0  # sequences with a deadline
        self._releases = 0  # how often blocks were given back

    @property
    def busy(self) -> bool:
        """Whether a further step would do anything."""
        return bool(self.running or self.waiting or self._ended)

    def submit(self, request: Request) -> None:
        """Puts a request, which must fit `capacity`, in line."""
        now = self._clock()
        sequence = Sequence(request, now, self.capacity, self._switch)
        if sequence.full and not request.params.collects:
            self._ended.append(sequence.end("length", now))
            return
        self._timed += sequence.timed
        self.waiting.add(sequence)

    def cancel(self, request: int) -> bool:
        """Ends a request that has not ended; False when there is none of that number."""
        for sequence in self._all():
            if sequence.request.id == request:
                self._ended.append(self._end(sequence, "cancelled", self._clock()))
                return True
        return False

    def schedule(self) -> Plan:
        """The next step. It must be given back to `commit` or `fail` before anything else is asked."""
        if self._timed:
            self._expire()
        for sequence in list(self.running):
            if sequence.lease is not None and _is_single(sequence):
                self._grow(sequence)
        singles = [sequence for sequence in self.running if _is_single(sequence)]
        copies: list[tuple[int, int]] = []
        if self.waiting and len(singles) < self._max_tokens:
            copies = self._admit()
            singles = [sequence for sequence in self.running if _is_single(sequence)]
        works, faults = self._works(singles)
        ended, self._ended = tuple(self._ended), []
        return Plan(tuple(works), tuple(copies), ended, faults)

    def commit(self, plan: Plan, drawn: Many[Many[Drawn]]) -> list[TokenEvent]:
        """Takes the tokens drawn for each work of the plan, in order: one for each of its draws, or fewer where a draft
        was not what was drawn. The events of this step."""
        events = list(plan.ended)
        now = self._clock()
        self.cache.unpin()
        running = {sequence.request.id: sequence for sequence in self.running}
        for work, tokens in zip(plan.works, drawn, strict=True):
            sequence = running[work.request.id]
            read = work.start + len(work.tokens)
            if work.draws > 1:
                read -= work.draws - 1  # its draft, which counts as far as it is accepted
            sequence.filled = read
            if work.request.params.collects:
                sequence.collected = max(sequence.collected, min(sequence.filled, sequence.prompt))
            if work.request.params.prompt_progress and sequence.first is None:
                events.append(sequence.progress(now))
            for accepted, token in enumerate(tokens):
                sequence.filled = read + accepted  # with each after the first, the drafted one before it was right
                event = self._add(sequence, token, now)
                events.append(event)
                if event.finish_reason is not None:
                    break
            if not tokens and not sequence.remaining and sequence.full:  # only its prompt was asked about
                events.append(self._end(sequence, "length", now))
            if sequence.lease is not None:
                self.cache.record(sequence.lease, sequence.tokens, _kept(sequence))
            if sequence.lease is not None and sequence.turns_anew:
                self._read_again(sequence)
        return events

    def fail(self, plan: Plan, error: str) -> list[TokenEvent]:
        """The step could not be run: its requests end with `error`, all other sequences will be read again."""
        events = list(plan.ended)
        now = self._clock()
        failed = {work.request.id for work in plan.works}
        self.cache.discard(lease_of(sequence) for sequence in self.running)
        for sequence in self.running:
            sequence.lease = None
            if sequence.request.id in failed:
                self._timed -= sequence.timed
                events.append(sequence.end("error", now, error))
            else:
                self._requeue(sequence)
        self.running.clear()
        self._releases += 1
        return events

    def check_integrity(self) -> None:
        """Raises EngineError when a block is leaked or held by someone unknown."""
        self.cache.check_integrity(lease_of(sequence) for sequence in self.running)

    def _works(self, singles: list[Sequence]) -> tuple[list[Work], dict[int, str]]:
        """The work of those that only need their next token, and of those that read; with the faults of drafting."""
        read: list[Work] = []
        if len(singles) < len(self.running):
            reading = [each for each in self.running if not _is_single(each)]
            read = shared_rows(reading, self._max_tokens - len(singles), self._max_rows - len(singles))
        if self._drafts is None:
            return [work_of(sequence, 1) for sequence in singles] + read, {}
        tokens = self._max_tokens - len(singles) - sum(len(work.tokens) for work in read)
        rows = self._max_rows - len(singles) - sum(work.wants for work in read)
        headroom = None if self.waiting else len(self.running)  # a block for each that may soon need it
        drafts, faults = self._drafts.propose(singles, min(tokens, rows), headroom)
        return [work_of(sequence, 1, draft) for sequence, draft in zip(singles, drafts, strict=True)] + read, faults

    # ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _all(self) -> Iterator[Sequence]:
        yield from self.running
        yield from self.waiting

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
        if sequence.lease is None:
            self.waiting.remove(sequence)
        else:
            self.running.remove(sequence)
            self._close(sequence)

    def _close(self, sequence: Sequence) -> None:
        self.cache.close(lease_of(sequence), sequence.tokens, _kept(sequence))
        sequence.lease = None
        self._releases += 1

    def _expire(self) -> None:
        now = self._clock()
        for sequence in list(self._all()):
            if sequence.deadline is not None and now > sequence.deadline:
                self._ended.append(self._end(sequence, "time", now))
            elif sequence.latest is not None and sequence.cached is None and now > sequence.latest:
                waited = f"The request waited {now - sequence.arrival:.0f} s in line, behind others. Ask again later."
                self._ended.append(self._end(sequence, "error", now, waited))

    # ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _grow(self, sequence: Sequence) -> None:
        """Room for the sequence's next token, sending others back to wait if need be, perhaps itself. A sequence alone
        always finds room, as submission refuses what the whole cache could not hold."""
        while sequence.lease is not None and not self.cache.grow(sequence.lease, len(sequence.tokens)):
            self._send_back(self._victim(self.running))

    def _victim(self, sequences: Many[Sequence]) -> Sequence:
        """Who gives way: the latest arrival of the client with most of these sequences."""
        counts = Counter(sequence.client for sequence in sequences)
        return max(sequences, key=lambda sequence: (counts[sequence.client], _arrival(sequence)))

    def _send_back(self, sequence: Sequence) -> None:
        """A running sequence waits again; what it has read stays in the index until its blocks are needed."""
        self.running.remove(sequence)
        self._close(sequence)
        sequence.preemptions += 1
        self._requeue(sequence)

    def _read_again(self, sequence: Sequence) -> None:
        """A running sequence whose positions turn otherwise from here on waits to be read as a whole."""
        self.running.remove(sequence)
        self._close(sequence)
        sequence.turned = len(sequence.tokens)
        self._requeue(sequence)

    def _requeue(self, sequence: Sequence) -> None:
        sequence.filled = 0
        self.waiting.add(sequence)

    def _admit(self) -> list[tuple[int, int]]:
        """Moves waiting sequences to the running ones in their turns, while there is room. Where there is not enough
        for the next, shorter ones may pass it a few times."""
        copies: list[tuple[int, int]] = []
        aside: set[Sequence] = set()  # those that follow a leader, and the one that is passed
        candidates = list(self.running)  # to give way; not who is admitted here, whose copies are to be done yet
        passed: Sequence | None = None
        while len(self.running) < self._max_running:
            running = Counter(each.client for each in self.running)
            sequence = self.waiting.turn(running, aside) if passed is None else self.waiting.shortest(aside)
            if sequence is None or (passed is not None and passed.passes >= _MOST_PASSES):
                break
            if self._must_follow(sequence):
                aside.add(sequence)
                continue
            lease = self._open(sequence) or self._open_in_exchange(sequence, candidates)
            if lease is None:
                if passed is not None:
                    break
                passed = sequence
                aside.add(sequence)
                continue
            if passed is not None:
                passed.passes += 1
            self._start(sequence, lease)
            if lease.copy is not None:
                copies.append(lease.copy)
        self.running.sort(key=_arrival)
        return copies

    def _start(self, sequence: Sequence, lease: Lease) -> None:
        self.waiting.admit(sequence)
        sequence.lease = lease
        sequence.filled = lease.cached
        if sequence.cached is None:
            sequence.cached = min(lease.cached, sequence.prompt)
            sequence.admitted = self._clock()
        self.running.append(sequence)

    def _open(self, sequence: Sequence) -> Lease | None:
        """Blocks for a waiting sequence, leaving one for each running one that may soon need it."""
        now = self._releases, self.cache.pool.available
        if (
            self.running
            and sequence.refused is not None
            and sequence.refused[0] == now[0]
            and now[1] <= sequence.refused[1]
        ):
            return None
        lease = self.cache.open(sequence.tokens, sequence.first_wanted, sequence.turned, len(self.running))
        sequence.refused = now if lease is None else None
        return lease

    def _open_in_exchange(self, sequence: Sequence, candidates: list[Sequence]) -> Lease | None:
        """Blocks for a waiting sequence from clients with more running sequences than its own will have: nobody waits
        for the end of another's answers. Once for each, so that two do not push each other out for ever."""
        lease = None
        while lease is None and not sequence.exchanged:
            running = Counter(each.client for each in self.running)
            larger = [each for each in candidates if running[each.client] > running[sequence.client] + 1]
            if not larger:
                break
            victim = self._victim(larger)
            candidates.remove(victim)
            self._send_back(victim)
            lease = self._open(sequence)
        sequence.exchanged |= lease is not None
        return lease

    def _must_follow(self, sequence: Sequence) -> bool:
        """Whether to wait because a running sequence is just reading what this one begins with: it will be in the
        cache then, and is read only once."""
        leader = sequence.leader
        if leader is None:
            leader, goal = self._find_leader(sequence)
            sequence.leader, sequence.goal = leader, goal
        return leader is not None and leader.lease is not None and leader.filled < sequence.goal

    def _find_leader(self, sequence: Sequence) -> tuple[Sequence | None, int]:
        """The running sequence with the longest common beginning, in whole blocks not yet read; and its length."""
        size = self.cache.pool.block_size
        usable = min(sequence.first_wanted, self.cache.shareable(sequence.turned))
        best, longest = None, 0
        for other in self.running:
            if other.remaining <= size or other.pools:
                continue
            most = min(usable, len(other.tokens), lease_of(other).shareable) // size * size
            common = _common_blocks(sequence.tokens, other.tokens, most, size)
            if common > max(longest, other.filled):
                best, longest = other, common
        return best, longest


def _arrival(sequence: Sequence) -> int:
    return sequence.request.id


def _is_single(sequence: Sequence) -> bool:
    """Whether it only needs its next token. One that pools needs none: its last row is read as its others are."""
    return sequence.remaining == 1 and not sequence.pools


def _kept(sequence: Sequence) -> int:
    """How many of its positions others may find in the cache. What is only pooled is nobody's beginning: kept, it would
    push out the chats that are."""
    return 0 if sequence.pools else sequence.filled


def _common_blocks(a: Many[int], b: Many[int], most: int, size: int) -> int:
    """How many first tokens, in whole blocks and at most `most`, two texts share."""
    at = 0
    while at < most and a[at : at + size] == b[at : at + size]:
        at += size
    return at
