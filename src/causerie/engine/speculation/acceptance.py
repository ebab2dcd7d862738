"""How often a drafter's tokens are the ones that come, by what speaks for them. Values only.

What was learned of all requests is what a new one is thought to be like; its own tokens count for more as they come.
"""

from __future__ import annotations

from collections.abc import Sequence

_AVERAGE = 0.7  # what is thought of drafts before anything speaks for them
_PRIOR = 4.0  # trials that a drafter's own estimate counts for
_MODEL, _REQUEST = 0.99, 0.93  # of what was learned remains at each further trial of its kind
_FAINT = 0.02  # a chance that no step is worth
_SHARED = 3.0  # trials that what was learned of all requests counts for in one


class Acceptance:
    """Of one drafter."""

    def __init__(self, chances: Sequence[float]) -> None:
        self._any = len(chances)  # the kind that stands for all of them
        self._rates = [_Rate(chance * _PRIOR, _PRIOR) for chance in (*chances, _AVERAGE)]
        self._requests: dict[int, dict[int, _Rate]] = {}

    def rate(self, request: int, kind: int) -> float:
        """How likely the next token of this request is right that this kind of evidence speaks for."""
        rate = self._rates[kind].value
        own = self._requests.get(request, {}).get(kind)
        return rate if own is None else (own.right + _SHARED * rate) / (own.trials + _SHARED)

    def average(self, request: int) -> float:
        """How likely the next token of this request is right, whatever will speak for it."""
        return self.rate(request, self._any)

    def rates(self, request: int) -> tuple[float, ...]:
        """`rate` for each kind of evidence."""
        return tuple(self.rate(request, kind) for kind in range(self._any))

    def survivals(self, request: int, evidence: Sequence[int]) -> list[float]:
        """For each token of a draft how likely it is that it and all before it are right, as long as that is likely
        enough to matter."""
        rates: dict[int, float] = {}
        chance, chances = 1.0, []
        for kind in evidence:
            rate = rates.get(kind)
            if rate is None:
                rate = rates[kind] = self.rate(request, kind)
            chance *= rate
            if chance < _FAINT:
                break
            chances.append(chance)
        return chances

    def learn(self, request: int, kind: int, right: bool) -> None:
        """One token was right, or wrong."""
        own = self._requests.setdefault(request, {})
        for each in (kind, self._any):
            self._rates[each].add(right, _MODEL)
            own.setdefault(each, _Rate()).add(right, _REQUEST)

    def forget(self, request: int) -> None:
        """The request has ended; what it taught remains."""
        self._requests.pop(request, None)


class _Rate:
    """A share of trials of which the older ones fade."""

    __slots__ = ("right", "trials")

    def __init__(self, right: float = 0.0, trials: float = 0.0) -> None:
        self.right = right
        self.trials = trials

    @property
    def value(self) -> float:
        return self.right / self.trials

    def add(self, right: bool, remains: float) -> None:
        self.right = self.right * remains + right
        self.trials = self.trials * remains + 1.0
