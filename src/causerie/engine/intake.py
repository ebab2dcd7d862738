"""Which of those that wait begin to run: in their turns, while there is room, and not before somebody else has read
what they begin with. It knows no step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence as Many

from causerie.cache.lease import Lease
from causerie.engine.reading import lease_of
from causerie.engine.request import TokenEvent
from causerie.engine.roster import Roster, arrival
from causerie.engine.sequence import Sequence

_MOST_PASSES = 8  # of shorter requests, by one that finds no room


class Intake:
    """The way from waiting to running, of at most `most` at a time."""

    def __init__(self, roster: Roster, most: int, clock: Callable[[], float]) -> None:
        self._roster = roster
        self._cache = roster.cache
        self._most = most
        self._clock = clock

    def admit(self) -> tuple[list[Lease], list[TokenEvent]]:
        """Moves waiting sequences to the running ones in their turns, while there is room; their leases, and what is
        told of those that run for the first time. Where there is not enough for the next, shorter ones may pass it a
        few times."""
        running, waiting = self._roster.running, self._roster.waiting
        leases: list[Lease] = []
        beginnings: list[TokenEvent] = []
        aside: set[Sequence] = set()  # those that follow a leader, and the one that is passed
        candidates = list(running)  # to give way; not who is admitted here, whose copies are to be done yet
        passed: Sequence | None = None
        while len(running) < self._most:
            counts = Counter(each.client for each in running)
            sequence = waiting.turn(counts, aside) if passed is None else waiting.shortest(aside)
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
            self._start(sequence, lease, beginnings)
            leases.append(lease)
        running.sort(key=arrival)
        return leases, beginnings

    def _start(self, sequence: Sequence, lease: Lease, beginnings: list[TokenEvent]) -> None:
        self._roster.waiting.admit(sequence)
        sequence.lease = lease
        sequence.filled = lease.cached
        if sequence.cached is None:
            sequence.cached = min(lease.cached, sequence.prompt)
            sequence.admitted = self._clock()
            if sequence.request.params.prompt_progress:
                beginnings.append(sequence.progress(sequence.admitted))
        self._roster.running.append(sequence)

    def _open(self, sequence: Sequence) -> Lease | None:
        """A lease for a waiting sequence, beside those that run."""
        running, now = self._roster.running, (self._roster.releases, self._cache.available)
        if running and sequence.refused is not None and _as_scarce(sequence.refused, now):
            return None
        beside = [lease_of(each) for each in running]
        lease = self._cache.open(sequence.tokens, sequence.first_wanted, sequence.turned, beside)
        sequence.refused = now if lease is None else None
        return lease

    def _open_in_exchange(self, sequence: Sequence, candidates: list[Sequence]) -> Lease | None:
        """A lease for a waiting sequence from clients with more running sequences than its own will have: nobody waits
        for the end of another's answers. Once for each, so that two do not push each other out for ever."""
        lease = None
        while lease is None and not sequence.exchanged:
            running = Counter(each.client for each in self._roster.running)
            larger = [each for each in candidates if running[each.client] > running[sequence.client] + 1]
            if not larger:
                break
            victim = self._roster.victim(larger)
            candidates.remove(victim)
            self._roster.send_back(victim)
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
        """The running sequence with the longest common beginning that is not yet read, and its length: in whole blocks,
        or to where the cache will have a snapshot."""
        size = self._cache.block_size
        usable = min(sequence.first_wanted, self._cache.shareable(sequence.turned))
        best, longest = None, 0
        for other in self._roster.running:
            if other.remaining <= size or other.pools:
                continue
            most = min(usable, len(other.tokens), lease_of(other).shareable)
            if self._cache.slots.pool.total:
                goal = _last_common_end(sequence, other, most)
            else:
                goal = _common(sequence.tokens, other.tokens, most // size * size, size)
            if goal > max(longest, other.filled):
                best, longest = other, goal
        return best, longest


def _as_scarce(then: tuple[int, tuple[int, ...]], now: tuple[int, tuple[int, ...]]) -> bool:
    """Whether nothing was given back since, and no more can be had of anything."""
    return then[0] == now[0] and all(count <= before for before, count in zip(then[1], now[1], strict=True))


def _last_common_end(sequence: Sequence, leader: Sequence, most: int) -> int:
    """The last message end of the leader's within the first `most` tokens that both have in common; 0 for none."""
    ends = [end for end in leader.ends if end <= most]
    while ends and sequence.tokens[: ends[-1]] != leader.tokens[: ends[-1]]:
        ends.pop()
    return ends[-1] if ends else 0


def _common(a: Many[int], b: Many[int], most: int, size: int) -> int:
    """How many first tokens, in whole blocks and at most `most`, two texts share."""
    at = 0
    while at < most and a[at : at + size] == b[at : at + size]:
        at += size
    return at
