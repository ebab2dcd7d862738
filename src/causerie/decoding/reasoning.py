"""A constraint that knows reasoning: how long it may be, and that nothing else is asked of it. Token ids in, masks out;
knows no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.constraint import Constraint, Matcher


@dataclass(frozen=True)
class ReasoningTokens:
    """The tokens that open and close a model's reasoning; some models never write the first themselves. `marks` stand
    between the turns of a chat: what lies before one opens nothing after it."""

    opener: tuple[int, ...]
    closer: int
    marks: frozenset[int] = frozenset()

    def are_open(self, prompt: Sequence[int]) -> bool:
        """Whether the last turn of a prompt opens reasoning that it does not close."""
        size = len(self.opener)
        for end in range(len(prompt), 0, -1):
            if self.opens(prompt[max(end - size, 0) : end]):
                return True
            if prompt[end - 1] == self.closer or prompt[end - 1] in self.marks:
                return False
        return False

    def opens(self, tokens: Sequence[int]) -> bool:
        """Whether reasoning begins after these."""
        size = len(self.opener)
        return 0 < size <= len(tokens) and tuple(tokens[-size:]) == self.opener


@dataclass(frozen=True)
class AfterReasoning:
    """What `inner` asks of an answer, asked once a reasoning that the prompt has opened is closed. Where reasoning has
    `most` tokens, the one that closes it is then the only one that may come, also where the model has begun it."""

    reasoning: ReasoningTokens
    inner: Constraint | None = None
    most: int | None = None

    def matcher(self, prompt: Sequence[int]) -> AfterReasoningMatcher:
        """See Constraint."""
        inner = None if self.inner is None else self.inner.matcher(prompt)
        return AfterReasoningMatcher(self, inner, self.reasoning.are_open(prompt))


class AfterReasoningMatcher:
    """One answer's way. Reasoning is limited once: what a model opens a second time is free."""

    def __init__(self, constraint: AfterReasoning, inner: Matcher | None, is_open: bool) -> None:
        self._reasoning, self._left = constraint.reasoning, constraint.most
        self._inner = inner
        self._waits = is_open  # the inner matcher's turn has not come
        self._is_open, self._is_over = is_open, False
        self._last: list[int] = []  # as many tokens as an opener has

    def advance(self, tokens: Sequence[int]) -> None:
        """See Matcher."""
        for token in tokens:
            if not self._waits and self._inner is not None:
                self._inner.advance([token])
            if self._is_open and token == self._reasoning.closer:
                self._is_open, self._is_over, self._waits = False, True, False
            elif self._is_open:
                self._left = None if self._left is None else self._left - 1
            elif not self._is_over:
                self._last = [*self._last, token][-len(self._reasoning.opener) :]
                self._is_open = self._reasoning.opens(self._last)

    def forbid(self, row: NDArray[np.float32]) -> None:
        """See Matcher."""
        if self._waits or self._inner is None:
            if self._is_open and self._left is not None and self._left <= 0:
                score = row[self._reasoning.closer]
                row[:] = -np.inf
                row[self._reasoning.closer] = score if np.isfinite(score) else 0
        else:
            self._inner.forbid(row)
