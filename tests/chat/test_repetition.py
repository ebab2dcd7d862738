"""An answer that repeats itself for ever is ended, and nothing that an honest answer holds is."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.text.borders import borders
from causerie.text.repetition import LONGEST_PERIOD, repeats_itself, stuck_after

HAIKU = "An old silent pond.\nA frog jumps into the pond.\nSplash! Silence again.\n"
REFRAIN = "And we all sing together, sing together,\nall of us, till the sun comes up again.\n" * 2


def ends_at(tokens: list[int]) -> int | None:
    """After how many tokens an answer is ended."""
    said: list[int] = []
    for token in tokens:
        said.append(token)
        if repeats_itself(said):
            return len(said)
    return None


def periods_as_they_are(tokens: list[int]) -> int:
    """The shortest period, by its definition."""
    return next(p for p in range(1, len(tokens) + 1) if tokens[p:] == tokens[:-p])


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_borders_tell_the_period(tokens: list[int]) -> None:
    assert len(tokens) - borders(tokens)[-1] == periods_as_they_are(tokens)


@pytest.mark.parametrize("period", [1, 2, 3, 20, 100, LONGEST_PERIOD])
def test_a_stuck_answer_is_ended_soon_after_it_has_repeated_enough(period: int) -> None:
    before, said = [*range(5000, 5117)], list(range(period))
    ended = ends_at(before + said * (3 * stuck_after(period) // period))
    assert ended is not None and len(before) + stuck_after(period) <= ended + period
    assert ended < len(before) + stuck_after(period) + 64 + period


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.lists(st.integers(0, 3), max_size=70))
def test_whatever_is_repeated_for_ever_is_ended(said: list[int], before: list[int]) -> None:
    answer = before + said * (900 // len(said) + 1)
    assert ends_at(answer) is not None


@given(st.integers(0, 500), st.integers(0, 519))
def test_one_other_token_among_the_last_is_enough_to_go_on(before: int, after: int) -> None:
    assert ends_at([0] * before + [1] + [0] * after) is None


def test_no_answer_of_less_than_its_least_length_is_ended() -> None:
    assert ends_at([7] * 519) is None and ends_at([7] * 600) == 576


def honest() -> Iterator[tuple[str, str]]:
    rows = random.Random(1)
    numbers = "\n".join(f"{row},{rows.randint(0, 999)},{rows.random():.3f}" for row in range(40))
    yield "ha ha ha", "ha " * 10
    yield "the ruler of a table", "| a | b |\n" + "|" + "---|" * 40 + "\n"
    yield "a table whose cells are equal", "| yes | no |\n" * 20
    yield "a drawing", "\n".join(["=" * 80, "|" + " " * 78 + "|", "|" + " " * 78 + "|", "=" * 80])
    yield "a CSV of 40 rows", numbers
    yield "an array of zeros", json.dumps([0] * 150)
    yield "a matrix of zeros", json.dumps([[0] * 9 for _ in range(9)])
    yield "a poem with a refrain", "".join(f"{HAIKU}{number}\n{REFRAIN}" for number in range(12))
    yield "lines that were asked for", "I will not talk in class.\n" * 20
    yield "numbers in order", "\n".join(f"{number}. a line" for number in range(400))
    yield "padding in code", "    0x00, 0x00, 0x00, 0x00,\n" * 18


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in honest()])
def test_an_honest_answer_goes_on(text: str) -> None:
    """A byte a token, which is the hardest tokenizer to be honest with."""
    assert ends_at(list(text.encode())) is None


def test_a_token_costs_the_same_however_long_the_answer_is() -> None:
    tokens, begun = [], time.monotonic()
    for index in range(100_000):
        tokens.append(index * index % 7919 % 5)
        assert not repeats_itself(tokens)
    assert time.monotonic() - begun < 60  # a hang, not a speed: looking at all of it each time would take hours
