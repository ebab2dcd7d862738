"""What no request may hold, to the last token that it may, and the field that each error names."""

from __future__ import annotations

import re

import numpy as np
import pytest

from causerie.decoding.params import MOST_BIAS, SamplingParams
from causerie.engine import checks
from causerie.errors import ContextLengthError, UsageError

VOCAB = 32
INFINITE = float("inf")


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([], "no tokens"),
        ([1, VOCAB], "prompt holds token 32"),
        ([-1], "prompt holds token -1"),
        ([1.5], "whole numbers"),
    ],
)
def test_the_field_of_a_wrong_prompt(tokens: list[int], words: str) -> None:
    with pytest.raises(UsageError, match=words) as told:
        checks.prompt(tokens, VOCAB)
    assert told.value.field == "prompt"


def test_any_whole_numbers_are_a_prompt() -> None:
    tokens = checks.prompt(np.array([0, VOCAB - 1]), VOCAB)  # type: ignore[arg-type]
    assert tokens == (0, VOCAB - 1) and all(type(token) is int for token in tokens)


@pytest.mark.parametrize("token", [-1, VOCAB])
@pytest.mark.parametrize(
    ("name", "flag", "around"),
    [
        ("logit_bias", "logit_bias", lambda token: ((0, 1.0), (token, 1.0))),
        ("sequence_bias", "sequence_bias", lambda token: (((0, 1), 1.0), ((1, token), 1.0))),
        ("bad_words_ids", "bad_words", lambda token: ((0,), (1, token))),
        ("suppress_tokens", "suppress_tokens", lambda token: (0, token)),
        ("begin_suppress_tokens", "begin_suppress_tokens", lambda token: (0, token)),
    ],
)
def test_tokens_that_the_model_has_not(name: str, flag: str, around, token: int) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=f"^{name} holds token {token}; the model's tokens are 0 to 31") as told:
        checks.params(SamplingParams(**{flag: around(token)}), VOCAB)
    assert told.value.field == name
    checks.params(SamplingParams(**{flag: around(VOCAB - 1)}), VOCAB)


def test_an_end_of_sequence_may_be_none_of_the_models_tokens() -> None:
    checks.params(SamplingParams(eos=(VOCAB + 1,)), VOCAB)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sequence_bias", SamplingParams(sequence_bias=(((1,), 1.0), ((), 1.0)))),
        ("bad_words_ids", SamplingParams(bad_words=((1,), ()))),
    ],
)
def test_an_empty_list_of_tokens(name: str, params: SamplingParams) -> None:
    with pytest.raises(UsageError, match=f"^{name} may not hold an empty list") as told:
        checks.params(params, VOCAB)
    assert told.value.field == name


@pytest.mark.parametrize("bias", [INFINITE, float("nan"), 1.001 * MOST_BIAS, -1.001 * MOST_BIAS])
@pytest.mark.parametrize(("name", "key"), [("logit_bias", 4), ("sequence_bias", (4, 5))])
def test_a_bias_is_a_number_or_forbids(name: str, key: object, bias: float) -> None:
    with pytest.raises(UsageError, match=f"^{name} of .* is {re.escape(str(bias))}; it must be") as told:
        checks.params(SamplingParams(**{name: ((key, bias),)}), VOCAB)  # type: ignore[arg-type]
    assert told.value.field == name
    for fits in (-INFINITE, MOST_BIAS, -MOST_BIAS, 0.0):
        checks.params(SamplingParams(**{name: ((key, fits),)}), VOCAB)  # type: ignore[arg-type]


@pytest.mark.parametrize(("most", "longest"), [(None, 15), (1, 15), (5, 15), (0, 16)])
@pytest.mark.parametrize("context", [16, 64])
def test_a_prompt_has_room_for_a_token_of_its_answer(most: int | None, longest: int, context: int) -> None:
    """Where it may have an answer. What is refused says which of context and cache is too small."""
    params = SamplingParams(max_tokens=most)
    checks.room(longest, params, context, 16)
    with pytest.raises(ContextLengthError) as told:
        checks.room(longest + 1, params, context, 16)
    told_of_cache = "the cache has room for 16 with the answer" in str(told.value)
    assert f"The prompt has {longest + 1} tokens" in str(told.value) and told_of_cache == (context > 16)
    if context == 16:
        assert ("with the answer" in str(told.value)) == (most != 0)
