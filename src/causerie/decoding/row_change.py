"""What a caller's own code does to the scores of a next token: the shape of it. Knows no text and no tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class RowChange(Protocol):
    """Changes one answer's scores, after all filters and before temperature. It is asked once for each token of the
    answer, in their order, in the engine's thread; so it may not wait for that engine."""

    def change(self, answer: Sequence[int], row: NDArray[np.float32]) -> None:
        """Changes the scores [vocab] of the token that follows these, in place. Raises UsageError for what is no scores
        of that shape, and whatever the caller's code raises."""
        ...
