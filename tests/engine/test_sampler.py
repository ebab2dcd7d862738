"""Drawing: its distribution, what its noise depends on, log-probabilities, and rows that allow no token."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.decoding.logits import keep_top_k, keep_top_p, largest, log_probabilities, softmax_weights
from causerie.decoding.params import SamplingParams
from causerie.decoding.sampler import Drawing, RequestSampler, Sampler, choose, uniform
from causerie.errors import UsageError


def history(length: int) -> array[int]:
    return array("i", [0] * length)


def test_draws_follow_the_probabilities() -> None:
    """χ² of 6 000 draws over 12 tokens: 11 degrees of freedom, 31.26 is passed once in a thousand."""
    row = np.random.default_rng(2).normal(size=12).astype(np.float32)
    probabilities = np.exp(row.astype(np.float64)) / np.exp(row.astype(np.float64)).sum()
    sampler = RequestSampler(SamplingParams(temperature=1.0, seed=11), 12, 1)
    counts = np.bincount([sampler.draw(row, history(n)).token for n in range(1, 6_001)], minlength=12)
    assert ((counts - 6_000 * probabilities) ** 2 / (6_000 * probabilities)).sum() < 31.26


def test_noise_is_even_over_seeds_as_over_positions() -> None:
    for points in ([uniform(seed, 3) for seed in range(4000)], [uniform(5, place) for place in range(4000)]):
        counts = np.histogram(points, bins=10, range=(0, 1))[0]
        assert ((counts - 400) ** 2 / 400).sum() < 27.88  # 9 degrees of freedom, once in a thousand
        assert min(points) >= 0.0 and max(points) < 1.0


def test_noise_is_the_same_everywhere() -> None:
    """Written down once: a seed must give the same answer in every version and on every machine."""
    assert [uniform(0, 0), uniform(1, 0), uniform(-1, 7)] == [
        0.011546754286331562,
        0.3035680343067586,
        0.07488100676745957,
    ]
    assert uniform(-1, 7) == uniform(2**64 - 1, 7)


@pytest.mark.parametrize("seed", [-(2**63) - 1, -(2**63), -1, 0, 2**63, 2**64 - 1, 2**64 + 1])
def test_seeds_are_those_of_torch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    try:
        torch.Generator().manual_seed(seed)
    except (RuntimeError, ValueError):
        with pytest.raises(UsageError, match=f"seed is {seed}"):
            SamplingParams(seed=seed)
    else:
        assert 0.0 <= uniform(SamplingParams(seed=seed).seed, 3) < 1.0


@given(st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=30), st.floats(0, 1, exclude_max=True))
def test_choose_never_takes_what_has_no_probability(values: list[float], point: float) -> None:
    row = np.array([*values, -np.inf, 0.0, -np.inf], dtype=np.float64)
    for at in (point, 0.0, np.nextafter(1.0, 0.0)):
        assert np.isfinite(row[choose(row, at)])


@pytest.mark.parametrize("wide", [1, 255, 256, 257, 152_064])
def test_choose_passes_the_point_in_rows_of_any_length(wide: int) -> None:
    row = np.random.default_rng(wide).normal(size=wide).astype(np.float32) * 3
    row[wide // 2 :: 3] = -np.inf
    row[0] = 0.0
    sums = np.cumsum(np.exp(row.astype(np.float64) - row.max()))
    for point in np.linspace(0, 1, 200, endpoint=False):
        place, wanted = choose(row, point), point * sums[-1]
        assert sums[place] > wanted * (1 - 1e-6) and (place == 0 or sums[place - 1] <= wanted * (1 + 1e-6))
        assert np.isfinite(row[place])


@pytest.mark.parametrize("steps", [1.0, 0.001, 1e9])
@pytest.mark.parametrize("wide", [1000, 152_064])
def test_the_largest_of_a_vocabulary_with_all_that_equal_the_least(wide: int, steps: float) -> None:
    row = np.random.default_rng(wide).normal(size=wide).astype(np.float32) * 3
    row = np.round(row / steps).astype(np.float32) * np.float32(steps)  # ties, few and many, and all
    row[: wide // 2] = -np.inf
    for count in (1, 2, 20, 128, 999, wide - 1, wide, wide + 1):
        least = np.sort(row)[-min(count, wide)]
        assert keep_top_k(row, count).tolist() == np.flatnonzero(row >= least).tolist()


@pytest.mark.parametrize("spread", [0.1, 3.0, 10.0])
@pytest.mark.parametrize("wide", [1, 5, 127, 129, 1000, 152_064])
def test_top_p_keeps_what_sorting_all_would_keep(wide: int, spread: float) -> None:
    row = np.random.default_rng(wide).normal(size=wide).astype(np.float32) * np.float32(spread)
    for logits in (row, np.round(row)):  # and with ties
        weights, total = softmax_weights(logits)
        order = np.argsort(-weights, kind="stable")
        before = np.cumsum(weights[order], dtype=np.float64) - weights[order]
        for mass in (1e-9, 0.5, 0.9, 0.999):
            wanted = order[: max(1, int((before < mass * total).sum()))]
            assert keep_top_p(logits, mass).tolist() == sorted(wanted.tolist())


def test_greedy_takes_the_lowest_of_equals() -> None:
    row = np.array([1.0, 3.0, 3.0, 2.0], dtype=np.float32)
    assert RequestSampler(SamplingParams(), 4, 1).draw(row, history(1)).token == 1


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_log_probabilities_are_of_the_raw_logits(temperature: float) -> None:
    row = np.random.default_rng(3).normal(size=1000).astype(np.float32) * 4
    exact = row.astype(np.float64) - np.log(np.exp(row.astype(np.float64)).sum())
    params = SamplingParams(temperature=temperature, top_k=40, suppress_tokens=(int(row.argmax()),), logprobs=5)
    drawn = RequestSampler(params, 1000, 1).draw(row, history(1))
    assert drawn.logprob == pytest.approx(exact[drawn.token], abs=1e-5)
    assert [token for token, _ in drawn.top_logprobs] == np.argsort(-row, kind="stable")[:5].tolist()
    assert [value for _, value in drawn.top_logprobs] == pytest.approx(sorted(exact, reverse=True)[:5], abs=1e-5)


def test_zero_logprobs_report_the_drawn_token_only() -> None:
    drawn = RequestSampler(SamplingParams(logprobs=0), 3, 1).draw(np.zeros(3, dtype=np.float32), history(1))
    assert drawn.top_logprobs == ()
    assert drawn.logprob == pytest.approx(-np.log(3))


def test_largest_orders_equals_by_token() -> None:
    row = np.array([1.0, 2.0, 2.0, 2.0, 0.0], dtype=np.float32)
    assert largest(row, 2).tolist() == [1, 2]
    assert largest(row, 9).tolist() == [1, 2, 3, 0, 4]
    assert log_probabilities(np.array([0.0, -np.inf]), np.array([1]))[0] == -np.inf


@pytest.mark.parametrize("params", [SamplingParams(), SamplingParams(temperature=1.0, top_p=0.9)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_without_meaning_ends_its_own_request(params: SamplingParams, bad: float) -> None:
    rows = np.zeros((3, 8), dtype=np.float32)
    rows[1, 5] = bad
    rows[2, :] = -np.inf
    runs = Sampler(8).draw(rows, [Drawing(i, params, 1, history(1), i) for i in range(3)])
    drawn = [token for (token,) in runs]
    assert drawn[0].error is None
    assert drawn[1].error is not None and drawn[1].error.startswith("model_output: ")
    assert drawn[2].error is not None and "only -inf" in drawn[2].error


def test_forbidding_every_token_is_an_error() -> None:
    params = SamplingParams(suppress_tokens=(0, 1, 2))
    assert "forbidden" in str(RequestSampler(params, 3, 1).draw(np.zeros(3, dtype=np.float32), history(1)).error)


def test_a_fault_in_one_request_stays_there() -> None:
    """A token outside the vocabulary cannot come through Engine.request; here it stands for any fault of a filter."""
    faulty = Drawing(0, SamplingParams(suppress_tokens=(99,)), 1, history(1), 0)
    sound = Drawing(1, SamplingParams(), 1, history(1), 1)
    (first,), (second,) = Sampler(8).draw(np.zeros((2, 8), dtype=np.float32), [faulty, sound])
    assert "IndexError" in str(first.error)
    assert second.error is None


def test_nothing_is_drawn_after_an_error_along_a_draft() -> None:
    rows = np.zeros((4, 8), dtype=np.float32)
    rows[0, 3] = rows[2, 6] = 1.0
    rows[1, 5] = np.nan  # the place of which is the token that such a row seems to give
    drafted = Drawing(0, SamplingParams(), 1, history(1), 0, [3, 5, 6])
    (run,) = Sampler(8).draw(rows, [drafted])
    assert [token.error is None for token in run] == [True, False] and run[0].token == 3
    assert drafted.history == history(1)


class Neighbours:
    """Allows the two tokens after the last one, of 12 in a ring, and notes what it was told."""

    def __init__(self) -> None:
        self.told: list[list[int]] = []

    def matcher(self, prompt: Sequence[int]) -> Neighbours:
        self.told.append(list(prompt))
        return self

    def advance(self, tokens: Sequence[int]) -> None:
        self.told.append(list(tokens))

    def forbid(self, row: Any) -> None:
        last = [token for tokens in self.told for token in tokens][-1]
        row[[token for token in range(12) if (token - last) % 12 not in (1, 2)]] = -np.inf


@pytest.mark.parametrize("options", [{}, {"temperature": 3.0, "seed": 5}, {"logit_bias": ((0, 50.0), (7, 50.0))}])
def test_no_token_is_drawn_that_the_constraint_forbids(options: dict[str, Any]) -> None:
    form = Neighbours()
    sampler = RequestSampler(SamplingParams(constraint=form, **options), 12, 2)
    draw = np.random.default_rng(4)
    tokens = array("i", [5, 9])
    for step in range(40):
        row = draw.normal(size=12).astype(np.float32)
        row[tokens[-1]] = 9  # the most likely token is never allowed
        token = sampler.draw(row, tokens).token
        assert (token - tokens[-1]) % 12 in (1, 2) and row[tokens[-1]] == 9
        tokens.append(token)
        if step % 5 == 0:
            tokens.append((token + 1) % 12)  # a second one at once, as where a draft was right
    assert form.told[0] == [5, 9] and [token for told in form.told[1:] for token in told] == list(tokens[2:])[:-1]


def test_an_answer_that_may_not_go_on_names_the_form() -> None:
    params = SamplingParams(constraint=Neighbours())
    row = np.zeros(12, np.float32)
    row[[6, 7]] = -np.inf  # the model itself leaves none of those that are allowed
    drawn = RequestSampler(params, 12, 1).draw(row, array("i", [5]))
    assert drawn.error is not None and "forbidden" in drawn.error and drawn.error_field == "response_format"
