"""Guessing with several heads, of which each guesses one token further than the one before it.

It knows heads, tokens and blocks; not whose text it is, nor what is kept in the blocks besides.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from causerie.engine.assistant.lockstep import Guess, Lockstep, reading
from causerie.engine.plan import Work
from causerie.models.model import StepModel


@dataclass(slots=True)
class GuessOfHeads(Guess):
    """One sequence that is guessed for: `features` are of all positions from `start` on."""

    starts: tuple[int, ...] = ()  # of each head, the first position that it has not read


class HeadsInTurn(Lockstep):
    """Of several heads alike. All read the same features, with the token that stands one position further ahead for
    each head."""

    def __init__(self, heads: Sequence[StepModel], vocab: int) -> None:
        super().__init__(heads[0], vocab)
        self._heads = heads

    def _work(self, guess: Guess, history: array[int]) -> Work:
        assert isinstance(guess, GuessOfHeads)
        number = len(guess.tokens)
        start = guess.starts[number]
        tokens = history[start + 1 + number :]
        return reading(self._request(guess.ask), tokens, start, guess.tables, guess.ask.turned, 1)

    def _run(self, guesses: Sequence[Guess], works: Sequence[Work]) -> NDArray[np.float32]:
        number = len(guesses[0].tokens)
        features = [
            guess.features[guess.starts[number] - guess.start :]
            for guess in guesses
            if isinstance(guess, GuessOfHeads) and guess.features is not None
        ]
        return self._heads[number].run(replace(self._step(works), features=np.concatenate(features))).logits

    def _take(self, guess: Guess, row: NDArray[np.float32], token: int) -> bool:
        return super()._take(guess, row, token) and len(guess.tokens) < len(self._heads)
