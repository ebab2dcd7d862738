"""What was guessed for one request, or for all of them: tokens by drafter, and what they gained. Values only."""

from __future__ import annotations

from collections import Counter

from causerie.engine.speculation.gain import Gain


class Tally:
    """Tokens that were checked, and of those the ones that came."""

    __slots__ = ("accepted", "drafted", "gain")

    def __init__(self) -> None:
        self.drafted: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.gain = Gain()

    def add(self, drafter: str, drafted: int, accepted: int) -> None:
        """Some more of them."""
        self.drafted[drafter] += drafted
        self.accepted[drafter] += accepted
