"""Beam search: answers and scores are transformers'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from causerie import CausalLM
from causerie.errors import UsageError

IDS = torch.tensor([[0, 5, 6, 7], [9, 8, 4, 11]])
BASE: dict[str, Any] = {"attention_mask": torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]]), "do_sample": False}
# Tokens that end answers are many and likely, so that beams end at all lengths.
ENDS = list(range(20, 60))
BASE |= {"max_new_tokens": 14, "eos_token_id": ENDS, "pad_token_id": 3}


@pytest.mark.parametrize(
    "flags",
    [
        {"num_beams": 3},
        {"num_beams": 4, "num_return_sequences": 3, "length_penalty": 2.0},
        {"num_beams": 3, "num_return_sequences": 3, "length_penalty": -1.0, "early_stopping": True},
        {"num_beams": 3, "num_return_sequences": 2, "early_stopping": "never", "eos_token_id": [25, 30]},
        {"num_beams": 2, "num_return_sequences": 2, "eos_token_id": -1, "repetition_penalty": 1.4},
        {"num_beams": 3, "min_new_tokens": 6, "no_repeat_ngram_size": 2, "num_return_sequences": 3},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_beams_are_those_of_transformers(model: CausalLM, theirs: Any, flags: dict[str, Any]) -> None:
    kept = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
    expected = theirs.generate(IDS, **BASE | flags | kept)
    got = model.generate(IDS, **BASE | flags | kept)
    assert torch.equal(got.sequences, expected.sequences)
    torch.testing.assert_close(got.sequences_scores, expected.sequences_scores, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(got.scores[0], expected.scores[0], atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(got.logits[0], expected.logits[0], atol=1e-3, rtol=1e-4)
    if "repetition_penalty" in flags:
        plain = model.generate(IDS, **BASE | {"eos_token_id": -1})
        assert not torch.equal(got.sequences[::2], plain)


@pytest.mark.filterwarnings("ignore")
def test_the_callers_code_is_asked(model: CausalLM, theirs: Any) -> None:
    code: dict[str, Any] = {
        "prefix_allowed_tokens_fn": lambda batch, ids: range(60 + batch + len(ids), 120),
        "logits_processor": transformers.LogitsProcessorList([transformers.MinLengthLogitsProcessor(9, [70])]),
        "stopping_criteria": transformers.StoppingCriteriaList([transformers.generation.EosTokenCriteria([75, 90])]),
    }
    flags = BASE | {"num_beams": 3, "num_return_sequences": 3}
    assert torch.equal(model.generate(IDS, **flags, **code), theirs.generate(IDS, **flags, **code))
    lists = model.generate([[9, 8, 4, 11]], **flags | {"attention_mask": None}, **code)
    assert lists[0] == [token for token in np.asarray(model.generate(IDS, **flags, **code)[3]).tolist() if token != 3]


def test_what_does_not_go_with_beams(model: CausalLM) -> None:
    for flags, words in (
        ({"num_beams": 0}, "num_beams is 0"),
        ({"num_beams": 2, "num_return_sequences": 3}, "one answer for each beam"),
        ({"num_beams": 2, "early_stopping": "soon"}, "early_stopping is 'soon'"),
        ({"num_beams": 2, "length_penalty": "long"}, "length_penalty is 'long'"),
        ({"num_beams": 2, "streamer": object()}, "no streamer"),
    ):
        with pytest.raises(UsageError, match=words):
            model.generate([[5, 6]], **flags)


def test_a_full_context_is_told(model: CausalLM) -> None:
    with pytest.warns(UserWarning, match="cut because the context is full"):
        (row,) = model.generate([[7] * 252], num_beams=2, eos_token_id=-1)
    assert len(row) == model.context
