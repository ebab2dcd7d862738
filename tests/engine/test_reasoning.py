"""The limit on reasoning, token by token: what opens it, what closes it, and what waits until then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from causerie.decoding.reasoning import AfterReasoning, ReasoningTokens

OPEN, CLOSE, MARK = 7, 8, 9
REASONING = ReasoningTokens((OPEN,), CLOSE, frozenset({OPEN, CLOSE, MARK}))
TWO = ReasoningTokens((6, OPEN), CLOSE, frozenset({6, MARK}))


class Only:
    """Allows token 3 alone, and notes what it was told."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def matcher(self, prompt: Sequence[int]) -> Only:
        return self

    def advance(self, tokens: Sequence[int]) -> None:
        self.taken += tokens

    def forbid(self, row: Any) -> None:
        row[[index for index in range(len(row)) if index != 3]] = -np.inf


def allowed(matcher: Any, likely: int = 1) -> list[int]:
    row = np.zeros(12, np.float32)
    row[likely] = 1
    matcher.forbid(row)
    return list(np.flatnonzero(np.isfinite(row)))


@pytest.mark.parametrize(
    ("reasoning", "prompt", "expected"),
    [
        (REASONING, [1, MARK, OPEN], True),
        (REASONING, [1, MARK, OPEN, 2, 3], True),  # an answer that was begun
        (REASONING, [1, MARK, OPEN, CLOSE, 2], False),
        (REASONING, [OPEN, 2, MARK], False),  # somebody asked about the marker
        (REASONING, [], False),
        (TWO, [MARK, 6, OPEN, 2], True),
        (TWO, [MARK, OPEN, 2], False),
        (TWO, [MARK, 6, 2], False),
        (ReasoningTokens((), CLOSE), [1, 2], False),
    ],
)
def test_what_opens_it(reasoning: ReasoningTokens, prompt: list[int], expected: bool) -> None:
    assert reasoning.are_open(prompt) is expected


@pytest.mark.parametrize("split", [1, 2, 5])
def test_opened_by_the_prompt(split: int) -> None:
    inner = Only()
    matcher = AfterReasoning(REASONING, inner, 3).matcher([MARK, OPEN])
    tokens = [1, 2, 4]
    for begin in range(0, len(tokens), split):
        assert len(allowed(matcher)) == 12  # free until the third
        matcher.advance(tokens[begin : begin + split])
    assert allowed(matcher) == [CLOSE] and inner.taken == []
    matcher.advance([CLOSE])
    assert allowed(matcher) == [3]
    matcher.advance([3, OPEN, 1, 1, 1, 1])
    assert allowed(matcher) == [3] and inner.taken == [3, OPEN, 1, 1, 1, 1]


@pytest.mark.parametrize(("reasoning", "opener"), [(REASONING, [OPEN]), (TWO, [6, OPEN])])
def test_opened_by_the_model(reasoning: ReasoningTokens, opener: list[int]) -> None:
    matcher = AfterReasoning(reasoning, None, 2).matcher([1, MARK])
    matcher.advance([1, *opener, 2])
    assert len(allowed(matcher)) == 12
    matcher.advance([2])
    assert allowed(matcher) == [CLOSE]
    matcher.advance([CLOSE, *opener, 1, 1, 1])
    assert len(allowed(matcher)) == 12  # a second time it is free


def test_none_is_allowed_and_none_is_open() -> None:
    assert allowed(AfterReasoning(REASONING, None, 0).matcher([OPEN])) == [CLOSE]
    assert allowed(AfterReasoning(REASONING, Only(), 0).matcher([MARK])) == [3]
    assert len(allowed(AfterReasoning(REASONING).matcher([OPEN]))) == 12


def test_a_closer_that_was_forbidden_may_come_after_all() -> None:
    row = np.full(12, -np.inf, np.float32)
    AfterReasoning(REASONING, None, 0).matcher([OPEN]).forbid(row)
    assert list(np.flatnonzero(np.isfinite(row))) == [CLOSE]
