"""What proposes the next tokens of an answer, for the model to check several of them in one step.

A proposed token is kept only where the model's own draw is the same, so a drafter decides how soon an answer comes and
never what it says. It knows token ids, no text, no cache and no step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Drafter(Protocol):
    """One for all requests of an engine."""

    def propose(self, request: int, tokens: Sequence[int], most: int) -> Sequence[int]:
        """Up to `most` (one or more) tokens of the model's vocabulary that may follow `tokens`, the request's prompt
        and answer so far; none where it has no idea. Each takes a row of the step, so how many are worth that is for
        the drafter to say. `tokens` are read-only, and those of a later call begin with those of an earlier one. What
        it raises ends the request with an error, and no other."""
        ...

    def forget(self, request: int) -> None:
        """The request has ended, perhaps without a call of `propose`. May not raise."""
        ...
