"""What a request may forbid token by token: the shape of a constraint, and of one answer's way through it.

Constraints are made where text is known (text/structure.py); here they are masks over tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Matcher(Protocol):
    """One answer under a constraint."""

    def advance(self, tokens: Sequence[int]) -> None:
        """Takes tokens that were drawn since the last call. Raises EngineError where they are not allowed,
        UsageError where the constraint cannot go on."""
        ...

    def forbid(self, row: NDArray[np.float32]) -> None:
        """Sets the scores [vocab] of tokens that may not come next to -inf. Raises UsageError where the constraint
        cannot tell them."""
        ...


class Constraint(Protocol):
    """What answers must look like. One may serve many answers, each with a matcher of its own."""

    def matcher(self, prompt: Sequence[int]) -> Matcher:
        """A new answer's, to a prompt of these tokens."""
        ...
