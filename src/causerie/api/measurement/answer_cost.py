"""What an answer cost, in tokens and seconds. Knows no model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AnswerCost:
    """What an answer cost: tokens, and seconds."""

    prompt_tokens: int
    cached_tokens: int  # of the prompt: not read again
    new_tokens: int
    first_token_seconds: float
    total_seconds: float
    preparation_seconds: float = 0.0  # for the template and its tokens
    drafted_tokens: int = 0  # guessed and checked several in a step
    accepted_tokens: int = 0  # of those, the ones that came
    drafters: tuple[tuple[str, int], ...] = ()  # who guessed them, and how many, where that is told
    speedup: float | None = None  # times as fast as without these, as is estimated; None where nobody says
    waiting_seconds: float | None = None  # until its prompt began to be read; None where nobody says
    loading_seconds: float = 0.0  # for the model, which was not loaded yet

    @property
    def tokens_per_second(self) -> float | None:
        """Speed of the tokens after the first; None where there is nothing to divide."""
        seconds = self.total_seconds - self.first_token_seconds
        return (self.new_tokens - 1) / seconds if self.new_tokens > 1 and seconds > 0 else None
