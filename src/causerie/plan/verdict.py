"""What a measured quality means for whoever uses the model, in a sentence. Knows no format and no text.

The bounds lie between types of weights that people know, measured on SmolLM2-135M-Instruct (docs/quantization.md):
llama.cpp's Q8_0 is 0.004 nats from its original, Q6_K 0.009, Q4_K_M 0.06, Q4_0 0.26.
"""

from __future__ import annotations

from dataclasses import dataclass

from causerie.plan.quality import Quality

MANY_TOKENS = 1000
"""From so many on a share of some percent is known to a tenth of itself or so."""


@dataclass(frozen=True)
class Grade:
    """What is said of runs whose predictions are less than so many nats a token from the original's."""

    divergence: float
    words: str


GRADES = (
    Grade(0.002, "is as good as the original for all uses"),
    Grade(0.02, "is all but the original: only where two words are almost equally likely another one may come"),
    Grade(0.1, "answers nearly as well as the original, now and then in other words"),
    Grade(0.4, "is clearly weaker than the original: take it only where memory leaves nothing else"),
)
WORST = "answers as another model would: do not use it"


def verdict(name: str, quality: Quality) -> str:
    """On a run of this name."""
    nats = quality.divergence.value
    words = next((grade.words for grade in GRADES if nats < grade.divergence), WORST)
    few = f" Only {quality.tokens} tokens were judged." if quality.tokens < MANY_TOKENS else ""
    return f"{name} {words}. {_likeliest(quality)}{few}"


def _likeliest(quality: Quality) -> str:
    differing = 1 - quality.same.value
    if not differing:
        return "The likeliest next token was the same everywhere."
    if differing > 1 / 2:
        return f"The likeliest next token was another one for {100 * differing:.0f} % of all."
    return f"The likeliest next token was another one for one in {1 / differing:.0f}."
