"""Who runs in the next step. Pure bookkeeping over values: it knows no arrays, no model and no clock of its own.

    waiting ──admit──▶ running ──commit──▶ ended
       ▲                  │
       └────preempt───────┘   (blocks ran out: the latest arrival gives way and is read again later)

Every step first serves the sequences that only need their next token, one row each, then spends what is left of the
step's rows on reading prompts in chunks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Many

from causerie.cache.lease import CacheBook, Lease
from causerie.decoding.drawn import Drawn
from causerie.engine.plan import Plan, Work
from causerie.engine.request import FinishReason, Request, TokenEvent
from causerie.engine.sequence import Sequence


class Scheduler:
    """Continuous batching over one cache. `max_tokens` rows, of which `max_rows` may want logits, make a step."""

    def __init__(
        self, cache: CacheBook, *, context: int, max_tokens: int, max_rows: int, clock: Callable[[], float]
    ) -> None:
        self.cache = cache
        self.capacity = min(context, cache.pool.total * cache.pool.block_size)  # longest sequence
        self.running: list[Sequence] = []  # by arrival
        self.waiting: deque[Sequence] = deque()  # by arrival
        self._max_tokens = max_tokens
        self._max_rows = max_rows
        self._max_running = min(max_tokens, max_rows)  # each running sequence may want a row, and logits of it
        self._clock = clock
        self._ended: list[TokenEvent] = []
        self._pooled = False  # whether the last step was one of pooling sequences
        self._timed = 0  # sequences with a deadline
        self._refused: tuple[Sequence, int] | None = None  # who last found too few blocks, and how many there were

    @property
    def busy(self) -> bool:
        """Whether a further step would do anything."""
        return bool(self.running or self.waiting or self._ended)

    def submit(self, request: Request) -> None:
        """Puts a request, which must fit `capacity`, in line."""
        now = self._clock()
        sequence = Sequence(request, now, self.capacity)
        if sequence.full and not request.params.collects:
            self._ended.append(sequence.end("length", now))
            return
        self._timed += sequence.timed
        self.waiting.append(sequence)

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
        works = []
        for sequence in list(self.running):
            single = sequence.remaining == 1 and not sequence.pools
            if sequence.lease is not None and single and self._grow(sequence):
                works.append(_work(sequence, 1))
        copies = self._admit() if self.waiting and len(works) < self._max_tokens else []
        pooling = [sequence for sequence in self.running if sequence.pools]
        # Turn by turn, where both kinds of sequences run.
        self._pooled = bool(pooling) and (len(pooling) == len(self.running) or not self._pooled)
        if self._pooled:
            works = self._read_prompts(pooling, self._max_tokens, self._max_tokens)
        elif len(works) < len(self.running):
            served = {work.request.id for work in works}
            reading = [each for each in self.running if each.request.id not in served and not each.pools]
            works.extend(self._read_prompts(reading, self._max_tokens - len(works), self._max_rows - len(works)))
        ended, self._ended = tuple(self._ended), []
        return Plan(tuple(works), tuple(copies), ended, self._pooled)

    def commit(self, plan: Plan, drawn: Many[Many[Drawn]]) -> list[TokenEvent]:
        """Takes the tokens drawn for each work of the plan, in order; the events of this step."""
        events = list(plan.ended)
        now = self._clock()
        self.cache.unpin()
        running = {sequence.request.id: sequence for sequence in self.running}
        for work, tokens in zip(plan.works, drawn, strict=True):
            sequence = running[work.request.id]
            lease = _held(sequence)
            sequence.filled = work.start + len(work.tokens)
            if work.request.params.collects:
                sequence.collected = max(sequence.collected, min(sequence.filled, sequence.prompt))
            self.cache.record(lease, sequence.tokens, _kept(sequence))
            for token in tokens:
                event = self._add(sequence, token, now)
                events.append(event)
                if event.finish_reason is not None:
                    break
            if not tokens and not sequence.remaining and sequence.full:  # only its prompt was asked about
                events.append(self._end(sequence, "length", now))
        return events

    def fail(self, plan: Plan, error: str) -> list[TokenEvent]:
        """The step could not be run: its requests end with `error`, all other sequences will be read again."""
        events = list(plan.ended)
        now = self._clock()
        failed = {work.request.id for work in plan.works}
        self.cache.discard(_held(sequence) for sequence in self.running)
        for sequence in self.running:
            sequence.lease = None
            if sequence.request.id in failed:
                self._timed -= sequence.timed
                events.append(sequence.end("error", now, error))
            else:
                self._requeue(sequence)
        self.running.clear()
        self._refused = None
        return events

    def check_integrity(self) -> None:
        """Raises EngineError when a block is leaked or held by someone unknown."""
        self.cache.check_integrity(_held(sequence) for sequence in self.running)

    # ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _all(self) -> Iterator[Sequence]:
        yield from self.running
        yield from self.waiting

    def _add(self, sequence: Sequence, drawn: Drawn, now: float) -> TokenEvent:
        """Appends a drawn token, ends the sequence if that was its last, and tells the event."""
        if drawn.error is not None:
            return self._end(sequence, "error", now, drawn.error)
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

    def _end(self, sequence: Sequence, reason: FinishReason, now: float, error: str | None = None) -> TokenEvent:
        self._leave(sequence)
        return sequence.end(reason, now, error)

    def _leave(self, sequence: Sequence) -> None:
        self._timed -= sequence.timed
        if sequence.lease is None:
            self.waiting.remove(sequence)
        else:
            self.running.remove(sequence)
            self._close(sequence)

    def _close(self, sequence: Sequence) -> None:
        self.cache.close(_held(sequence), sequence.tokens, _kept(sequence))
        sequence.lease = None
        self._refused = None

    def _expire(self) -> None:
        now = self._clock()
        for sequence in list(self._all()):
            if sequence.deadline is not None and now > sequence.deadline:
                self._ended.append(self._end(sequence, "time", now))
            elif sequence.latest is not None and sequence.cached is None and now > sequence.latest:
                waited = f"The request waited {now - sequence.arrival:.0f} s in line, behind others. Ask again later."
                self._ended.append(self._end(sequence, "error", now, waited))

    # ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _grow(self, sequence: Sequence) -> bool:
        """Room for the sequence's next token, sending later arrivals back to wait if need be; False when it had to go
        itself. A sequence alone always finds room, as submission refuses what the whole cache could not hold."""
        lease = _held(sequence)
        while not self.cache.grow(lease, len(sequence.tokens)):
            victim = self.running.pop()
            self._close(victim)
            victim.preemptions += 1
            self._requeue(victim)
            if victim is sequence:
                return False
        return True

    def _requeue(self, sequence: Sequence) -> None:
        sequence.filled = 0
        place = 0
        while place < len(self.waiting) and _arrival(self.waiting[place]) < _arrival(sequence):
            place += 1
        self.waiting.insert(place, sequence)

    def _admit(self) -> list[tuple[int, int]]:
        """Moves waiting sequences, first come first served, to the running ones while there is room."""
        copies: list[tuple[int, int]] = []
        passed: list[Sequence] = []
        while self.waiting and len(self.running) < self._max_running:
            sequence = self.waiting[0]
            if self._must_follow(sequence):
                passed.append(self.waiting.popleft())
                continue
            lease = self._open(sequence)
            if lease is None:
                break
            self.waiting.popleft()
            sequence.lease = lease
            sequence.filled = lease.cached
            if sequence.cached is None:
                sequence.cached = min(lease.cached, sequence.prompt)
            if lease.copy is not None:
                copies.append(lease.copy)
            self.running.append(sequence)
        self.waiting.extendleft(reversed(passed))
        self.running.sort(key=_arrival)
        return copies

    def _open(self, sequence: Sequence) -> Lease | None:
        """Blocks for a waiting sequence, leaving one for each running one that may soon need it."""
        available = self.cache.pool.available
        refused, had = self._refused or (None, 0)
        if self.running and refused is sequence and available <= had:
            return None
        headroom = len(self.running)
        lease = self.cache.open(sequence.tokens, sequence.first_wanted, sequence.prompt, headroom)
        self._refused = (sequence, available) if lease is None else None
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
        usable = min(sequence.first_wanted, self.cache.shareable(sequence.prompt))
        best, longest = None, 0
        for other in self.running:
            if other.remaining <= size or other.pools:
                continue
            most = min(usable, len(other.tokens), _held(other).shareable) // size * size
            common = _common_blocks(sequence.tokens, other.tokens, most, size)
            if common > max(longest, other.filled):
                best, longest = other, common
        return best, longest

    # ── prompts ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_prompts(self, reading: list[Sequence], tokens: int, rows: int) -> list[Work]:
        """Shares the rest of a step among the sequences that still read: the oldest may use half of it at once, then
        those with least to read, so that a long prompt neither stops short ones nor is stopped by them."""
        if not reading:
            return []
        counts = dict.fromkeys(reading, 0)
        oldest = reading[0]
        turns = [(oldest, max(tokens // 2, 1) if len(reading) > 1 else tokens)]
        turns += [(sequence, tokens) for sequence in sorted(reading[1:], key=_remaining)]
        turns.append((oldest, tokens))
        for sequence, most in turns:
            had = counts[sequence]
            count = min(had + min(most, tokens), sequence.remaining)
            count, wanted = _within_rows(sequence, count, rows + _wants(sequence, had))
            tokens -= count - had
            rows -= wanted - _wants(sequence, had)
            counts[sequence] = count
        return [_work(sequence, count) for sequence, count in counts.items() if count]


def _arrival(sequence: Sequence) -> int:
    return sequence.request.id


def _remaining(sequence: Sequence) -> int:
    return sequence.remaining


def _held(sequence: Sequence) -> Lease:
    assert sequence.lease is not None, f"request {sequence.request.id} runs without cache blocks"
    return sequence.lease


def _kept(sequence: Sequence) -> int:
    """How many of its positions others may find in the cache. What is only pooled is nobody's beginning: kept, it would
    push out the chats that are."""
    return 0 if sequence.pools else sequence.filled


def _wants(sequence: Sequence, count: int) -> int:
    """How many of the sequence's next `count` rows want logits."""
    end = sequence.filled + count
    return max(0, end - max(sequence.filled, sequence.first_wanted))


def _within_rows(sequence: Sequence, count: int, rows: int) -> tuple[int, int]:
    """The most of `count` next tokens that want at most `rows` rows of logits, and how many those want."""
    excess = _wants(sequence, count) - rows
    if excess > 0:
        count -= excess
    return count, _wants(sequence, count)


def _work(sequence: Sequence, count: int) -> Work:
    start = sequence.filled
    end = start + count
    draws = 1 if end == len(sequence.tokens) and not sequence.full else 0
    table = _held(sequence).table
    tokens = sequence.tokens
    return Work(sequence.request, tokens[start:end], start, table[:], _wants(sequence, count), draws, tokens)


def _common_blocks(a: Many[int], b: Many[int], most: int, size: int) -> int:
    """How many first tokens, in whole blocks and at most `most`, two texts share."""
    at = 0
    while at < most and a[at : at + size] == b[at : at + size]:
        at += size
    return at
