"""The model's own shadow as a drafter: its weights in fewer bits, over the model's own keys and values.

What it writes for its guesses lies where the model writes when it checks them, and where that does not, nobody reads
before it does. It knows the model's blocks, and keeps nothing of a text itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from causerie.decoding.drafting.drafter import Ask, Draft
from causerie.engine.assistant.lockstep import CHANCES, Guess, Lockstep
from causerie.models.model import StepModel


class ShadowDrafter:
    """A `GuessingDrafter`."""

    name = "shadow"
    chances = CHANCES

    def __init__(self, shadow: StepModel) -> None:
        """`shadow` runs over the cache of the model that is guessed for."""
        self._lockstep = Lockstep(shadow, shadow.vocab)

    def catch_up(self, asks: Sequence[Ask]) -> None:
        """There is nothing to read: the model has."""

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        """See Drafter."""
        guesses = [Guess(ask, tuple(ask.tables), len(ask.tokens) - 1) for ask in asks]
        self._lockstep.guess(guesses)
        return [guess.draft for guess in guesses]

    def forget(self, request: int) -> None:
        """See Drafter."""
        self._lockstep.forget(request)
