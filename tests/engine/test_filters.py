"""The filters against transformers' own logits processors, in its order (generation/utils.py of 5.23)."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.decoding import logits as keep
from causerie.decoding.params import SamplingParams
from causerie.decoding.sampler import RequestSampler
from causerie.errors import UsageError

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers.generation.logits_process")

VOCAB = 40


def oracle(params: SamplingParams, prompt: int) -> list[Any]:
    """transformers' processors for the same wishes."""
    eos = list(params.eos)
    found: list[Any] = []
    if params.sequence_bias:
        found.append(hf.SequenceBiasLogitsProcessor(dict(params.sequence_bias)))
    if params.repetition_penalty != 1.0:
        found.append(hf.RepetitionPenaltyLogitsProcessor(params.repetition_penalty))
    if params.no_repeat_ngram_size:
        found.append(hf.NoRepeatNGramLogitsProcessor(params.no_repeat_ngram_size))
    if params.bad_words:
        found.append(hf.NoBadWordsLogitsProcessor([list(word) for word in params.bad_words], eos or None))
    if params.min_tokens and eos:
        found.append(hf.MinNewTokensLengthLogitsProcessor(prompt, params.min_tokens, eos))
    if params.suppress_tokens:
        found.append(hf.SuppressTokensLogitsProcessor(list(params.suppress_tokens)))
    if params.begin_suppress_tokens:
        found.append(hf.SuppressTokensAtBeginLogitsProcessor(list(params.begin_suppress_tokens), prompt))
    if params.greedy:
        return found
    if params.temperature != 1.0:
        found.append(hf.TemperatureLogitsWarper(params.temperature))
    if params.top_k:
        found.append(hf.TopKLogitsWarper(params.top_k))
    if params.top_p < 1.0:
        found.append(hf.TopPLogitsWarper(params.top_p))
    if params.min_p:
        found.append(hf.MinPLogitsWarper(params.min_p))
    if params.typical_p < 1.0:
        found.append(hf.TypicalLogitsWarper(params.typical_p))
    if params.epsilon_cutoff:
        found.append(hf.EpsilonLogitsWarper(params.epsilon_cutoff))
    if params.eta_cutoff:
        found.append(hf.EtaLogitsWarper(params.eta_cutoff))
    return found


def compare(params: SamplingParams, row: np.ndarray, tokens: list[int], prompt: int) -> None:
    expected = torch.from_numpy(row.copy())[None]
    for processor in oracle(params, prompt):
        expected = processor(torch.tensor([tokens]), expected)
    wanted = expected[0].numpy()
    before = row.copy()
    drawn = RequestSampler(params, len(row), prompt).draw(row, array("i", tokens))
    assert np.array_equal(row, before), "the model's logits were changed"
    if not np.isfinite(wanted).any():
        assert drawn.error is not None
        return
    assert drawn.error is None, drawn.error
    assert drawn.scores is not None
    if params.top_p < 1.0:  # which of several equals top-p drops is chance there
        np.testing.assert_allclose(np.sort(drawn.scores), np.sort(wanted), rtol=2e-5, atol=2e-5)
    else:
        np.testing.assert_allclose(drawn.scores, wanted, rtol=2e-5, atol=2e-5)
    assert np.isfinite(drawn.scores[drawn.token]), "a token was drawn that the filters forbid"
    if params.greedy:
        assert drawn.token == int(expected[0].argmax())


tokens = st.integers(0, VOCAB - 1)
words = st.lists(tokens, min_size=1, max_size=3).map(tuple)
# Multiples of 1/4 make ties likely; shares are chosen so that no sum of probabilities can meet them by rounding.
rows = st.lists(st.integers(-30, 30), min_size=VOCAB, max_size=VOCAB).map(lambda r: np.array(r, dtype=np.float32) / 4)
shares = st.sampled_from([0.0123, 0.237, 0.513, 0.777, 0.913, 0.987])


@settings(max_examples=300)
@given(
    st.builds(
        SamplingParams,
        eos=st.sampled_from([(), (3,), (3, 9)]),
        min_tokens=st.integers(0, 4),
        repetition_penalty=st.sampled_from([1.0, 1.2, 0.7]),
        no_repeat_ngram_size=st.integers(0, 4),
        sequence_bias=st.dictionaries(words, st.sampled_from([-2.5, 1.25, 4.0, float("-inf")]), max_size=5).map(
            lambda d: tuple(d.items())
        ),
        bad_words=st.lists(words, max_size=4, unique=True).map(tuple),
        suppress_tokens=st.lists(tokens, max_size=4).map(tuple),
        begin_suppress_tokens=st.lists(tokens, max_size=4).map(tuple),
        keep_scores=st.just(True),
    ),
    rows,
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.lists(st.integers(0, 5), max_size=12),
)
def test_filters_of_history_equal_transformers(
    params: SamplingParams, row: np.ndarray, prompt: list[int], answer: list[int]
) -> None:
    compare(params, row, prompt + answer, len(prompt))


@settings(max_examples=400)
@given(
    st.builds(
        SamplingParams,
        temperature=st.sampled_from([1.0, 0.3, 1.7]),
        top_k=st.sampled_from([0, 1, 2, 5, 39, 40, 100]),
        top_p=st.one_of(st.just(1.0), shares),
        min_p=st.one_of(st.just(0.0), shares),
        typical_p=st.one_of(st.just(1.0), shares),
        epsilon_cutoff=st.sampled_from([0.0, 0.00313, 0.0517]),
        eta_cutoff=st.sampled_from([0.0, 0.00313, 0.0517]),
        keep_scores=st.just(True),
    ),
    rows,
)
def test_filters_of_sampling_equal_transformers(params: SamplingParams, row: np.ndarray) -> None:
    compare(params, row, [0], 1)


@pytest.mark.parametrize("scale", [0.5, 3.0])
@pytest.mark.parametrize(
    "wanted",
    [
        {"top_p": 0.9},
        {"top_p": 0.3},
        {"typical_p": 0.9},
        {"typical_p": 0.3},
        {"min_p": 0.05},
        {"top_k": 50, "top_p": 0.8},
    ],
)
def test_filters_equal_transformers_on_a_large_vocabulary(wanted: dict[str, Any], scale: float) -> None:
    """Where the few largest do not suffice, more are partitioned off. transformers adds up 50 000 probabilities in
    float32, so at the border a few tokens of the flattest rows may differ."""
    row = np.random.default_rng(1).normal(size=50_000).astype(np.float32) * scale
    params = SamplingParams(temperature=1.0, keep_scores=True, **wanted)
    expected = torch.from_numpy(row)[None]
    for processor in oracle(params, 1):
        expected = processor(torch.tensor([[0]]), expected)
    scores = RequestSampler(params, len(row), 1).draw(row, array("i", [0])).scores
    assert scores is not None
    differing = np.count_nonzero(np.isfinite(scores) != np.isfinite(expected[0].numpy()))
    assert differing <= max(1, np.isfinite(scores).sum() // 2000)


@pytest.mark.parametrize("value", [-0.25, 0.25, 1.25])
@pytest.mark.parametrize(
    ("flag", "warper"),
    [
        ("top_p", hf.TopPLogitsWarper),
        ("min_p", hf.MinPLogitsWarper),
        ("typical_p", hf.TypicalLogitsWarper),
        ("epsilon_cutoff", hf.EpsilonLogitsWarper),
        ("eta_cutoff", hf.EtaLogitsWarper),
    ],
)
def test_shares_are_refused_where_transformers_refuses_them(flag: str, warper: Any, value: float) -> None:
    try:
        warper(value)
    except ValueError:
        with pytest.raises(UsageError, match=f"{flag} is {value}"):
            SamplingParams(**{flag: value})
    else:
        assert getattr(SamplingParams(**{flag: value}), flag) == value


def test_presence_and_frequency_count_the_answer_only() -> None:
    row = np.zeros(8, dtype=np.float32)
    params = SamplingParams(presence_penalty=0.5, frequency_penalty=0.25, keep_scores=True)
    sampler = RequestSampler(params, 8, 2)
    drawn = sampler.draw(row, array("i", [1, 2, 3, 3, 2]))
    assert drawn.scores is not None
    assert drawn.scores.tolist() == [0.0, 0.0, -0.75, -1.0, 0.0, 0.0, 0.0, 0.0]
    again = sampler.draw(row, array("i", [1, 2, 3, 3, 2, 0]))
    assert again.scores is not None
    assert again.scores.tolist() == [-0.75, 0.0, -0.75, -1.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [({"presence_penalty": 0.5}, [0.0, -0.5, -0.5, 0.0]), ({"frequency_penalty": 0.25}, [0.0, -0.25, -0.5, 0.0])],
)
def test_presence_and_frequency_each_alone(flags: dict[str, Any], expected: list[float]) -> None:
    sampler = RequestSampler(SamplingParams(keep_scores=True, **flags), 4, 1)
    scores = sampler.draw(np.zeros(4, dtype=np.float32), array("i", [3, 1, 2, 2])).scores
    assert scores is not None and scores.tolist() == expected


FILTERS: list[Callable[[keep.Logits], keep.Places]] = [
    lambda row: keep.keep_top_k(row, 5),
    lambda row: keep.keep_top_p(row, 0.777),
    lambda row: keep.keep_min_p(row, 0.237),
    lambda row: keep.keep_typical(row, 0.513),
    lambda row: keep.keep_epsilon(row, 0.0123),
    lambda row: keep.keep_eta(row, 0.0517),
]


@pytest.mark.parametrize("filtered", FILTERS)
@given(rows, st.sampled_from([-64.0, -3.0, 12.0]))
def test_filters_know_differences_alone(filtered: Callable[[keep.Logits], keep.Places], row: Any, more: float) -> None:
    """What an earlier filter left need not have 0 as its largest."""
    assert filtered(row.astype(np.float64) + more).tolist() == filtered(row.astype(np.float64)).tolist()


def test_logit_bias_adds_to_sequence_bias() -> None:
    params = SamplingParams(logit_bias=((1, 2.0), (2, float("-inf"))), sequence_bias=(((1,), 1.0),), keep_scores=True)
    scores = RequestSampler(params, 4, 1).draw(np.zeros(4, dtype=np.float32), array("i", [0])).scores
    assert scores is not None
    assert scores.tolist() == [0.0, 3.0, float("-inf"), 0.0]


def test_a_tiny_temperature_takes_the_most_likely() -> None:
    row = np.array([1.0, 2.0, 1.999], dtype=np.float32)
    for position in range(20):
        drawn = RequestSampler(SamplingParams(temperature=1e-12), 3, 1).draw(row, array("i", [0] * (position + 1)))
        assert drawn.token == 1
