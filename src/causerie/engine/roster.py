"""The sequences of an engine: those that run, with their leases, and those that wait. It says who gives way where the
cache has no room, and knows no step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence as Many

from causerie.cache.book import CacheBook
from causerie.engine.line import WaitingLine
from causerie.engine.reading import lease_of
from causerie.engine.sequence import Sequence


class Roster:
    """Sequences over one cache."""

    def __init__(self, cache: CacheBook) -> None:
        self.cache = cache
        self.running: list[Sequence] = []  # by arrival
        self.waiting = WaitingLine()
        self.releases = 0  # how often a lease was given back

    def __iter__(self) -> Iterator[Sequence]:
        yield from self.running
        yield from self.waiting

    def leave(self, sequence: Sequence) -> None:
        """It runs and waits no more."""
        if sequence.lease is None:
            self.waiting.remove(sequence)
        else:
            self.running.remove(sequence)
            self._close(sequence)

    def grow(self, sequence: Sequence) -> None:
        """What the running sequence's next step needs of the cache, sending others back to wait if need be, perhaps
        itself. A sequence alone always finds room, as submission refuses what the whole cache could not hold."""
        length = len(sequence.tokens)
        while sequence.lease is not None and not self.cache.grow(sequence.lease, sequence.filled, length):
            self.send_back(self.victim(self.running))
        if sequence.lease is not None:
            reserved = self.cache.slots.reserve(sequence.lease)
            assert reserved, f"request {sequence.request.id} runs without a slot of its own"

    def victim(self, sequences: Many[Sequence]) -> Sequence:
        """Who gives way: the latest arrival of the client with most of these sequences."""
        counts = Counter(sequence.client for sequence in sequences)
        return max(sequences, key=lambda sequence: (counts[sequence.client], arrival(sequence)))

    def send_back(self, sequence: Sequence) -> None:
        """A running sequence waits again; what it has read stays in the index until its blocks are needed."""
        self.running.remove(sequence)
        self._close(sequence)
        sequence.preemptions += 1
        self._requeue(sequence)

    def read_again(self, sequence: Sequence) -> None:
        """A running sequence whose positions turn otherwise from here on waits to be read as a whole."""
        self.running.remove(sequence)
        self._close(sequence)
        sequence.turned = len(sequence.tokens)
        self._requeue(sequence)

    def discard(self, without: Many[Sequence]) -> None:
        """After a failed step: all that run, but for those of `without`, wait to be read again, and nothing of the
        cache counts any more."""
        self.cache.discard(lease_of(sequence) for sequence in self.running)
        for sequence in self.running:
            sequence.lease = None
            if sequence not in without:
                self._requeue(sequence)
        self.running.clear()
        self.releases += 1

    def _close(self, sequence: Sequence) -> None:
        self.cache.close(lease_of(sequence), sequence.tokens, sequence.shareable)
        sequence.lease = None
        self.releases += 1

    def _requeue(self, sequence: Sequence) -> None:
        sequence.filled = 0
        self.waiting.add(sequence)


def arrival(sequence: Sequence) -> int:
    """By what running sequences are in order."""
    return sequence.request.id
