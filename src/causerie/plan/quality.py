"""How far one run of a model is from another, from their logits: perplexity, KL divergence, equal choices.

Pure functions over numpy arrays. Knows no model, no tokenizer and no format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROWS = 2**22  # elements of logits that are widened to float64 at once

Logits = NDArray[np.float32]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """One number for each scored token."""

    loss: Numbers  # -ln q(token), q the run's distribution
    divergence: Numbers  # KL(p ‖ q) in nats, p the reference's distribution
    same: Numbers  # 1 where the likeliest token of both is the same, else 0

    @staticmethod
    def joined(parts: Sequence[Scores]) -> Scores:
        """The scores of all parts, one after the other."""
        return Scores(*(np.concatenate([getattr(part, name) for part in parts]) for name in Scores.__annotations__))


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error, tokens taken as independent."""

    value: float
    error: float

    @staticmethod
    def of(values: Numbers) -> Mean:
        """Of at least one number; the error of a single one is infinite."""
        count = len(values)
        error = float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else float("inf")
        return Mean(float(values.mean()), error)


@dataclass(frozen=True)
class Quality:
    """How a run does on a text, and how far it is from the reference run."""

    tokens: int
    perplexity: Mean
    divergence: Mean  # nats a token
    same: Mean  # share of tokens

    @staticmethod
    def of(scores: Scores) -> Quality:
        """The means. The error of the perplexity is that of the mean loss, carried through the exponential."""
        loss = Mean.of(scores.loss)
        perplexity = Mean(float(np.exp(loss.value)), float(np.exp(loss.value) * loss.error))
        return Quality(len(scores.loss), perplexity, Mean.of(scores.divergence), Mean.of(scores.same))


def compare(reference: Logits, logits: Logits, targets: Sequence[int]) -> Scores:
    """Scores of rows of logits [n, vocab] against the reference's for the same positions; `targets` [n] are the tokens
    that follow. Reckoned in float64."""
    step = max(1, ROWS // logits.shape[1])
    after = np.asarray(targets, np.int64)
    parts = []
    for start in range(0, len(logits), step):
        rows = slice(start, start + step)
        p, q = log_softmax(reference[rows]), log_softmax(logits[rows])
        loss = -np.take_along_axis(q, after[rows, None], 1)[:, 0]
        same = (reference[rows].argmax(1) == logits[rows].argmax(1)).astype(np.float64)
        parts.append(Scores(loss, (np.exp(p) * (p - q)).sum(1), same))
    return Scores.joined(parts)


def log_softmax(logits: Logits) -> Numbers:
    """Natural logarithms of the probabilities of each row."""
    wide = logits.astype(np.float64)
    wide -= wide.max(1, keepdims=True)
    wide -= np.log(np.exp(wide).sum(1, keepdims=True))
    return wide
