"""A token that was drawn, with what was asked about it. Knows no request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Drawn:
    """One drawn token, or (error set) the sentence that says why none could be drawn, and the flag of the request that
    is to blame, where it is one."""

    token: int
    logprob: float | None = None
    top_logprobs: tuple[tuple[int, float], ...] = ()
    logits: NDArray[np.float32] | None = None  # [vocab], as the model gave them
    scores: NDArray[np.float32] | None = None  # [vocab], after all filters
    error: str | None = None
    error_field: str | None = None
