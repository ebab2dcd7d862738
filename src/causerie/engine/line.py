"""The requests that wait, and whose turn it is: clients take turns, and so do a client's long and short requests.

Knows no cache and no step; the scheduler asks it whom to admit next.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Set

from causerie.engine.sequence import Sequence

_SHORT = 2  # a request at most 1 / this as long as the oldest of its client may come before it, every other turn


class WaitingLine:
    """Waiting sequences by client, each client's in the order of their arrival."""

    def __init__(self) -> None:
        self._clients: dict[str, list[Sequence]] = {}
        self._served: dict[str, int] = {}  # of a client that waits: the number of its last admission
        self._admissions = 0

    def __len__(self) -> int:
        return sum(map(len, self._clients.values()))

    def __iter__(self) -> Iterator[Sequence]:
        for waiting in self._clients.values():
            yield from waiting

    def add(self, sequence: Sequence) -> None:
        """Puts a sequence where its arrival belongs."""
        insort(self._clients.setdefault(sequence.client, []), sequence, key=_arrival)

    def remove(self, sequence: Sequence) -> None:
        """Takes a sequence out that does not wait any more."""
        waiting = self._clients[sequence.client]
        waiting.remove(sequence)
        if not waiting:
            del self._clients[sequence.client]
            self._served.pop(sequence.client, None)

    def admit(self, sequence: Sequence) -> None:
        """Takes a sequence out whose turn it was."""
        self._admissions += 1
        self._served[sequence.client] = self._admissions
        self.remove(sequence)

    def turn(self, running: Mapping[str, int], without: Set[Sequence]) -> Sequence | None:
        """The next one, by how many sequences each client has `running`: the client with fewest, among those the one
        that was served longest ago. Nobody of `without`; None where nobody else waits."""
        oldest = [first for waiting in self._clients.values() if (first := _first(waiting, without)) is not None]
        if not oldest:
            return None
        first = min(oldest, key=lambda each: (running.get(each.client, 0), self._served.get(each.client, 0)))
        if self._admissions % 2 == 0:
            return first
        shortest = _shortest(self._clients[first.client], without)
        return shortest if shortest is not None and _SHORT * _length(shortest) <= _length(first) else first

    def shortest(self, without: Set[Sequence]) -> Sequence | None:
        """The one with the fewest tokens, of whatever client."""
        return _shortest(self, without)


def _first(waiting: Iterable[Sequence], without: Set[Sequence]) -> Sequence | None:
    return next((sequence for sequence in waiting if sequence not in without), None)


def _shortest(waiting: Iterable[Sequence], without: Set[Sequence]) -> Sequence | None:
    return min((sequence for sequence in waiting if sequence not in without), key=_length, default=None)


def _arrival(sequence: Sequence) -> int:
    return sequence.request.id


def _length(sequence: Sequence) -> int:
    return len(sequence.tokens)
