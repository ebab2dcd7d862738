"""What was expected of an answer beside what it took, as rows to be shown. Knows no model."""

from __future__ import annotations

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.api.measurement.promise import Expected

FAR = 1.3
"""How far beyond what is expected a speed says something of the machine."""


def expectation_rows(cost: AnswerCost, expected: Expected) -> list[tuple[str, str]]:
    """One row for the speed of an answer, one for the time to its first token."""
    rows = []
    speed, span = cost.tokens_per_second, expected.tokens_per_second
    if speed is not None:
        moves = f" ({span.low:.1f} to {span.high:.1f}, as memory gives)" if span.moves else ""
        guessed = ", without guessed tokens" if cost.drafted_tokens else ""
        rows.append(("expected", f"{span.usual:.1f} tokens/s{moves}{guessed}: {_beside(speed / span.usual)}"))
        if not cost.drafted_tokens and not span.low / FAR < speed < span.high * FAR:
            rows.append(("", "the machine is not as it was measured; causerie info --probe measures again"))
    seconds = cost.first_token_seconds - cost.preparation_seconds
    if expected.first_token_seconds is not None and seconds > 0:
        ratio = expected.first_token_seconds / seconds
        rows.append(("", f"{expected.first_token_seconds:.3f} s to the first token: {_beside(ratio)}"))
    return rows


def _beside(ratio: float) -> str:
    """How a speed stands beside the one that was expected."""
    if 0.95 < ratio < 1.05:
        return "as it was"
    if ratio >= 2:
        return f"it was {ratio:.1f} times as fast"
    return f"it was {100 * abs(ratio - 1):.0f} % {'faster' if ratio > 1 else 'slower'}"
