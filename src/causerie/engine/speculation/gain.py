"""How many times as fast an answer came as it would have without guesses: an estimate, by what steps take on this
machine. Values only; it knows no step and no request."""

from __future__ import annotations


class Gain:
    """That of one answer."""

    __slots__ = ("_plain", "_seconds", "_tokens")

    def __init__(self) -> None:
        self._tokens = 0
        self._plain = 0.0  # seconds that these would have taken without guesses
        self._seconds = 0.0  # and those that they took

    def add(self, tokens: int, plain: float, seconds: float) -> None:
        """A step gave so many tokens of the answer and took `seconds`; one without guesses takes `plain` and gives
        one."""
        self._tokens += tokens
        self._plain += tokens * plain
        self._seconds += seconds

    def speedup(self, tokens: int) -> float | None:
        """Of an answer of so many tokens, of which those that were not added came one a step; the first one does not
        count, as reading the prompt gives it. None where nothing was added."""
        if not self._tokens or self._seconds <= 0.0:
            return None
        rest = max(0, tokens - 1 - self._tokens) * self._plain / self._tokens
        return (self._plain + rest) / (self._seconds + rest)
