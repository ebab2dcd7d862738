"""Which tokens may still be drawn: the filters of sampling, as pure functions of one row of logits.

Each takes the logits of the candidates (any float type, in ascending order of token) and returns the places of those it
keeps, ascending. What a filter of transformers would set to -inf is simply not a candidate any more. All keep at least
one. They know no request and no randomness.

Nothing here sorts a vocabulary where its largest few decide: the few are partitioned off first, and more of them only
when those did not suffice.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Logits: TypeAlias = NDArray[np.floating[Any]]
Places: TypeAlias = NDArray[np.intp]

_FIRST = 128  # how many candidates are partitioned off first
_SHARE = 64  # elements of which the largest stands for all, while the few are looked for


def softmax_weights(logits: Logits) -> tuple[Logits, float]:
    """exp(logits - max), and its sum in float64: probabilities are the quotient."""
    weights = np.exp(logits - logits.max())
    return weights, float(weights.sum(dtype=np.float64))


def keep_top_k(logits: Logits, count: int) -> Places:
    """The `count` largest, and all that equal the least of them (Fan et al., 2018)."""
    if count >= len(logits):
        return np.arange(len(logits))
    if count * 2 * _SHARE > len(logits):
        return np.flatnonzero(logits >= _kth_largest(logits, count))
    # `count` shares reach the count-th largest of their maxima, so the count-th largest of all is no less than that.
    maxima = logits[: len(logits) // _SHARE * _SHARE].reshape(_SHARE, -1).max(axis=0)
    places = np.flatnonzero(logits >= _kth_largest(maxima, count))
    few = logits[places]
    return places[few >= _kth_largest(few, count)]


def _kth_largest(numbers: Logits, count: int) -> np.floating[Any]:
    least: np.floating[Any] = np.partition(numbers, len(numbers) - count)[len(numbers) - count]
    return least


def keep_top_p(logits: Logits, mass: float) -> Places:
    """The most probable, until `mass` of the probability is reached (Holtzman et al., 2020). Among equals the lower
    token goes first, so that almost no mass is the greedy choice; transformers leaves their order to torch.sort."""
    weights, total = softmax_weights(logits)
    for most in (_FIRST, 32 * _FIRST, len(weights)):  # the flatter the distribution, the more may belong to it
        places = keep_top_k(weights, most)
        few = weights[places]
        ordered = np.sort(few)[::-1]
        count = _first_within(ordered, mass * total)
        if count < len(places):
            break
    least = ordered[count - 1]
    above = places[few > least]
    return np.sort(np.concatenate([above, places[few == least][: count - len(above)]]))


def _first_within(ordered: Logits, mass: float) -> int:
    """How many of descending weights come before their sum reaches `mass`; one at least."""
    before = np.cumsum(ordered, dtype=np.float64) - ordered
    return max(1, int(np.count_nonzero(before < mass)))


def keep_min_p(logits: Logits, share: float) -> Places:
    """Those at least `share` as probable as the most probable one (Nguyen et al., 2024)."""
    return np.flatnonzero(np.exp(logits - logits.max()) >= share)


def keep_typical(logits: Logits, mass: float) -> Places:
    """Those whose surprise is nearest to the entropy, until `mass` is reached (Meister et al., 2022)."""
    weights, total = softmax_weights(logits)
    probabilities = weights / total
    surprise = np.log(total) - (logits - logits.max())
    distance = np.abs(surprise - _entropy(probabilities, surprise))
    count = _FIRST
    while True:
        nearest = keep_top_k(-distance, count)
        order = nearest[np.argsort(distance[nearest], kind="stable")]
        sums = np.cumsum(probabilities[order], dtype=np.float64)
        if len(nearest) == len(logits) or sums[-1] >= mass:
            last = min(int(np.count_nonzero(sums < mass)), len(order) - 1)
            return np.flatnonzero(distance <= distance[order[last]])
        count *= 8


def keep_epsilon(logits: Logits, cutoff: float) -> Places:
    """Those with a probability of at least `cutoff`, and the most probable (Hewitt et al., 2022)."""
    weights, total = softmax_weights(logits)
    return np.flatnonzero((weights >= cutoff * total) | (logits == logits.max()))


def keep_eta(logits: Logits, cutoff: float) -> Places:
    """As epsilon, with a cutoff that falls where the entropy is high: min(ε, √ε · exp(-entropy)) (same source)."""
    weights, total = softmax_weights(logits)
    surprise = np.log(total) - (logits - logits.max())
    entropy = _entropy(weights / total, surprise)
    return keep_epsilon(logits, min(cutoff, float(np.sqrt(cutoff) * np.exp(-entropy))))


def log_probabilities(logits: Logits, tokens: Places) -> NDArray[np.float64]:
    """Natural logarithms of the probabilities of `tokens` among all."""
    most = float(logits.max())
    _, total = softmax_weights(logits)
    return logits[tokens].astype(np.float64) - most - float(np.log(total))


def largest(logits: Logits, count: int) -> Places:
    """The `count` largest, in descending order, the lower token first among equals."""
    if count < 1:
        return np.arange(0)
    places = keep_top_k(logits, count)
    return places[np.argsort(-logits[places], kind="stable")][:count]


def _entropy(probabilities: Logits, surprise: Logits) -> float:
    possible = probabilities > 0  # 0 · ∞ counts as 0
    return float(np.sum(probabilities[possible] * surprise[possible], dtype=np.float64))
