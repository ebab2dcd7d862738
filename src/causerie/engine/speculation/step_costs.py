"""What a step of so many rows takes on this machine, by what steps have taken. Values only: it knows no clock.

A cost is a level that all steps share, which moves as contexts grow and other programs come and go, times the shape of
the curve, which is the machine's. Rows between those that are remembered are interpolated; rows that nobody has tried
yet are thought cheap, so that they are tried.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

_KNOTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 40, 48, 56, 64)  # rows whose cost is remembered
MOST_ROWS = _KNOTS[-1]
"""Of a step whose cost is of interest; a larger one is bound by arithmetic, and its rows are not free."""
_HOPE = 0.15  # of a single row's cost: that of a further one where nothing was measured
_LEVEL, _SHAPE = 0.1, 0.1  # how far an observation moves them up; down twice as far, as noise only makes steps longer
_LONGEST = 1.5  # times what is expected, that a step may count for
_TRIED = 2  # steps of so many rows that make a cost more than a guess
_STRIDE = 2  # times the rows that were tried, are the most to try next
_EARLY = 4  # steps of so many rows, of which the fastest counts: the very first ones wait for memory


class StepCosts:
    """The curve of one engine."""

    def __init__(self) -> None:
        self._level = 0.0  # seconds; 0 before the first step
        self._rows: list[int] = []  # ascending: those of the knots that were measured
        self._shape: list[float] = []  # of each of them
        self._counts: dict[int, int] = {}

    @property
    def measured(self) -> bool:
        """Whether costs are seconds yet, and not shares of a row's."""
        return self._level > 0.0

    def tried(self, rows: int) -> bool:
        """Whether the cost of so many rows is more than a guess."""
        return any(self._counts.get(knot, 0) >= _TRIED for knot in _around(rows))

    def observe(self, rows: int, seconds: float) -> None:
        """A step of so many rows took so long."""
        if seconds <= 0.0 or not 0 < rows <= MOST_ROWS:
            return
        if not self._level:
            self._level = seconds / _prior(rows)
        knots = _around(rows)
        ratio = seconds / self.of(rows)
        down = 1 if ratio > 1 else 2
        if any(knot in self._counts for knot in knots):
            ratio = min(ratio, _LONGEST)
            moved = ratio ** (_LEVEL * down)
            self._level *= moved
            ratio /= moved
        shares = {knot: self._at(knot) for knot in knots}
        for knot in knots:
            count = self._counts[knot] = self._counts.get(knot, 0) + 1
            pull = 1.0 if count <= _EARLY and ratio < 1 else max(1.0 / count, _SHAPE * down)
            self._put(knot, shares[knot] * ratio**pull)

    def of(self, rows: int) -> float:
        """What a step of so many rows will take: in seconds, or in rows where nothing was measured yet."""
        return self._at(min(rows, MOST_ROWS)) * (self._level or 1.0)

    def choices(self, base: int, most: int) -> list[int]:
        """How many rows beyond `base` are worth considering, up to `most`: those that lead to a remembered cost, and
        as many as may be; and not many times as many as were ever tried."""
        last = min(base + most, MOST_ROWS, _STRIDE * max([*self._rows[-1:], base]))
        rows = [each - base for each in _KNOTS if base < each < last]
        return [*rows, last - base] if last > base else rows

    def _put(self, knot: int, share: float) -> None:
        place = bisect_left(self._rows, knot)
        if place < len(self._rows) and self._rows[place] == knot:
            self._shape[place] = share
        else:
            self._rows.insert(place, knot)
            self._shape.insert(place, share)
        # Fewer rows take no longer. What says so was measured when something else ran beside: it would never be
        # measured again, as nobody would choose so many.
        self._shape[:place] = [min(each, share) for each in self._shape[:place]]

    def _at(self, rows: int) -> float:
        """The shape of the curve."""
        above = bisect_right(self._rows, rows)
        if not self._rows:
            return _prior(rows)
        if not above:
            return self._shape[0] * _prior(rows) / _prior(self._rows[0])
        first, start = self._rows[above - 1], self._shape[above - 1]
        if above == len(self._rows):
            slope = _HOPE * self._shape[0] / _prior(self._rows[0])
            if above > 1:
                slope = min(slope, max(0.0, (start - self._shape[0]) / (first - self._rows[0])))
        else:
            slope = (self._shape[above] - start) / (self._rows[above] - first)
        return start + slope * (rows - first)


def _around(rows: int) -> tuple[int, ...]:
    """The knots that so many rows lie at or between."""
    place = bisect_left(_KNOTS, rows)
    return (rows,) if _KNOTS[place] == rows else _KNOTS[place - 1 : place + 1]


def _prior(rows: int) -> float:
    """The shape before anything was measured."""
    return 1.0 + _HOPE * (rows - 1)
