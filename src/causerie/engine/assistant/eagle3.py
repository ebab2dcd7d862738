"""An EAGLE3 head as a drafter: as a head that a checkpoint ships, but with a cache of its own under the model's block
numbers, with what the model made of each token at several places, and with a pass of its own over its own rows, whose
logits are of some of the model's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from causerie.engine.assistant.cache_beside import CacheBeside
from causerie.engine.assistant.head_drafter import HeadDrafter
from causerie.engine.assistant.lockstep import Guess, Lockstep
from causerie.models.model import StepModel


class Eagle3Drafter(HeadDrafter):
    """A `StateReader`."""

    name = "eagle3"

    def __init__(
        self,
        first: StepModel,
        further: StepModel,
        taps: Sequence[int],
        tokens: NDArray[np.int64],
        target: StepModel,
    ) -> None:
        """`first` reads what layers of `target` at `taps` are given, side by side in this order, `further` rows of the
        head; their cache is as `cache_for` gives it. `tokens` are the target's numbers of those with logits. Raises
        Unsupported for a target that keeps nothing of all of a text."""
        self._beside = CacheBeside()
        first, further = map(self._beside.beneath, (first, further))
        super().__init__(first, target, 0)
        self.taps = tuple(sorted(set(taps)))
        self._columns = [self.taps.index(tap) for tap in taps]
        self._lockstep: _TwoPasses = _TwoPasses(first, further, tokens, target.vocab)

    def _features(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        return states[:, self._columns].reshape(len(states), len(self._columns) * states.shape[2])

    def _copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copies its own blocks too."""
        super()._copy(pairs)
        self._beside.copy(pairs)


class _TwoPasses(Lockstep):
    """Of a head over one cache."""

    def __init__(self, first: StepModel, further: StepModel, tokens: NDArray[np.int64], vocab: int) -> None:
        super().__init__(first, vocab)
        self._further = further
        self._tokens = tokens

    def _pass(self, guesses: Sequence[Guess]) -> StepModel:
        return self._further if guesses[0].tokens else self._model

    def _rows(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = np.full((len(logits), self._vocab), -np.inf, np.float32)
        rows[:, self._tokens] = logits
        return rows
