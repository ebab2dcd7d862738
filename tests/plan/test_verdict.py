"""Sentences on measured qualities: which bound each lies between, and what is said of other words."""

from __future__ import annotations

import pytest

from causerie.plan.quality import Mean, Quality
from causerie.plan.verdict import verdict


def quality(nats: float, same: float = 1.0, tokens: int = 5000) -> Quality:
    return Quality(tokens, Mean(9.0, 0.1), Mean(nats, 0.001), Mean(same, 0.001))


@pytest.mark.parametrize(
    ("nats", "words"),
    [
        (0.0, "x is as good as the original for all uses."),
        (0.0012, "as good as the original"),  # int8 of SmolLM2
        (0.0044, "all but the original"),  # Q8_0
        (0.035, "nearly as well"),  # int4
        (0.056, "nearly as well"),  # Q4_K_M
        (0.264, "clearly weaker"),  # Q4_0
        (1.5, "as another model would"),
    ],
)
def test_what_a_divergence_means(nats: float, words: str) -> None:
    assert words in verdict("x", quality(nats))


@pytest.mark.parametrize(
    ("same", "words"),
    [
        (1.0, "The likeliest next token was the same everywhere."),
        (0.977, "another one for one in 43."),
        (0.9, "another one for one in 10."),
        (0.4, "another one for 60 % of all."),
    ],
)
def test_how_often_the_likeliest_token_is_another(same: float, words: str) -> None:
    assert verdict("x", quality(0.01, same)).endswith(words)


def test_few_tokens_are_said() -> None:
    assert verdict("x", quality(0.01, tokens=80)).endswith("Only 80 tokens were judged.")
    assert "judged" not in verdict("x", quality(0.01))
