"""What the engine does about caches on the disk: requests wait while the beginning of their text comes back, and texts
that ended are copied when there is time. It knows no files and no tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from causerie.cache.disk.keeper import CacheKeeper
from causerie.engine.request import Request
from causerie.engine.sequence import Sequence


@dataclass(frozen=True)
class _Recalling:
    """A request that waits for its beginning."""

    request: Request
    arrival: float
    pieces: Iterator[None]


class Keeping:
    """Between an engine and a keeper. `submit` puts a request in line, as of the time that it came."""

    def __init__(
        self, keeper: CacheKeeper, submit: Callable[[Request, float], None], clock: Callable[[], float]
    ) -> None:
        self.keeper = keeper
        self._submit = submit
        self._clock = clock
        self._recalling: list[_Recalling] = []

    @property
    def busy(self) -> bool:
        """Whether a request waits for its beginning."""
        return bool(self._recalling)

    def take(self, request: Request) -> bool:
        """Has a request wait whose beginning the disk has; False where there is nothing to wait for."""
        params = request.params
        if params.collects or params.pool_states:
            return False
        pieces = self.keeper.recall(request.tokens, len(request.tokens) - 1)
        if pieces is None:
            return False
        self._recalling.append(_Recalling(request, self._clock(), pieces))
        return True

    def advance(self, alone: bool) -> None:
        """Brings back one piece, and all of a request's where it is `alone`, and puts requests in line whose beginning
        is there."""
        while self._recalling:
            first = self._recalling[0]
            if next(first.pieces, self) is self:
                del self._recalling[0]
                self._submit(first.request, first.arrival)
                return
            if not alone:
                return

    def release(self, number: int) -> None:
        """A request waits no more for its beginning."""
        for each in self._recalling:
            if each.request.id == number:
                self._recalling.remove(each)
                self._submit(each.request, each.arrival)
                return

    def note(self, sequence: Sequence) -> None:
        """A sequence ends; what was read of it may be kept."""
        if sequence.lease is not None:
            readable = min(sequence.shareable, sequence.lease.shareable)
            self.keeper.note(sequence.tokens[:readable], self._clock())

    def rest(self, busy: bool) -> float | None:
        """See CacheKeeper."""
        return self.keeper.rest(self._clock(), busy)
