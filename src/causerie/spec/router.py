"""How the experts of a token are chosen from their scores, and the share that each has in the result: a router, as a
value. Its arithmetic is a backend's (`Ops.experts`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from causerie.spec.norm import Norm

Scoring = Literal["softmax", "sigmoid", "sparsemixer"]
"""sparsemixer: one after the other, each by softmax over those that are left and whose scores are near the highest one
(Liu et al., "GRIN", 2024)."""

MOST_EXPERTS = 1024
"""Of one layer: what kernels have room for."""


@dataclass(frozen=True)
class ExpertGroups:
    """Neighbouring experts in `count` groups of one size, of which a token may use those of `active`: the ones whose
    `best` best experts together count most (two: DeepSeek-AI, "DeepSeek-V3 Technical Report", 2024; one: "DeepSeek-V2",
    2024)."""

    count: int
    active: int
    best: int = 2


@dataclass(frozen=True)
class Router:
    """A token goes to the `active` experts whose worth, what `scoring` makes of their scores, is highest, of equal ones
    to the first; the worth of each, as the other fields change it, is its share."""

    active: int
    scoring: Scoring = "softmax"
    bias: bool = False  # of the matrix that gives the scores
    choice_bias: bool = False  # of each expert, added to its worth where experts are chosen, and not to its share
    groups: ExpertGroups | None = None
    nearness: float = 0.0  # of sparsemixer: how far below the highest a score may lie, in parts of the larger one
    divided: bool = True  # shares are divided by their sum …
    sum_offset: float = 0.0  # … and this …
    least_sum: float = 0.0  # … or by this, where that is more
    scale: float = 1.0  # of all shares
    norm: Norm | None = None  # of what the scores are made from
    score_scale: float = 1.0  # of all scores
    score_cap: float | None = None  # then a score s becomes score_cap · tanh(s / score_cap)
    share_scales: bool = False  # each expert's share is multiplied by a number of its own
    on_input: bool = False  # it is what an expert without biases reads that its share multiplies
