"""How likely the tokens of an answer were. The model reads prompt and answer once more. Knows no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from causerie.decoding.logits import log_probabilities
from causerie.errors import Unsupported

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM

_MOST_LOGITS = 1 << 28  # of prompt and answer: 1 GiB


@dataclass(frozen=True)
class TokenOdds:
    """One token of an answer, and the likeliest in its place; probabilities without any filter."""

    token: int
    probability: float
    likeliest: int
    likeliest_probability: float


def token_odds(model: CausalLM, prompt: Sequence[int], answer: Sequence[int]) -> list[TokenOdds]:
    """The odds of each token of `answer`. Raises Unsupported where prompt and answer are too long for all logits of
    them to be held."""
    tokens = [*prompt, *answer]
    if len(tokens) * model.step_model.vocab > _MOST_LOGITS:
        raise Unsupported("The chat is too long to show the tokens of its last answer.")
    logits = np.asarray(model([tokens]).logits)
    odds = []
    for token, row in zip(answer, logits[0, -len(answer) - 1 : -1], strict=True):
        likeliest = int(row.argmax())
        chances = np.exp(log_probabilities(row, np.array([token, likeliest])))
        odds.append(TokenOdds(token, float(chances[0]), likeliest, float(chances[1])))
    return odds
