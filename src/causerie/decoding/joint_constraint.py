"""Several constraints as one: what any of them forbids is forbidden. Knows no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.constraint import Constraint, Matcher


@dataclass(frozen=True)
class JointConstraint:
    """What each of these asks."""

    parts: tuple[Constraint, ...]

    def matcher(self, prompt: Sequence[int]) -> JointMatcher:
        """See Constraint."""
        return JointMatcher([part.matcher(prompt) for part in self.parts])


class JointMatcher:
    """One answer's way through all of them."""

    def __init__(self, parts: Sequence[Matcher]) -> None:
        self._parts = parts

    def advance(self, tokens: Sequence[int]) -> None:
        """See Matcher."""
        for part in self._parts:
            part.advance(tokens)

    def forbid(self, row: NDArray[np.float32]) -> None:
        """See Matcher."""
        for part in self._parts:
            part.forbid(row)
