"""What scripts of torch say to any module, and the configs' further names of transformers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from causerie import CausalLM, GenerationConfig
from causerie.errors import Unsupported, UsageError


def test_a_model_where_it_was_loaded_says_so(model: CausalLM, theirs: Any) -> None:
    for here in (model.float(), model.cpu(), model.eval(), model.train(False), model.requires_grad_(False)):
        assert here is model
    assert model.training is theirs.training is False and model.can_generate() == theirs.can_generate()
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(model.forward(ids).logits, model(ids).logits)
    for move, words in (
        (model.half, "held in float32.*dtype='float16'"),
        (model.bfloat16, "dtype='bfloat16'"),
        (model.cuda, "cannot move to cuda"),
        (model.train, "Training is not"),
        (model.requires_grad_, "Training is not"),
    ):
        with pytest.raises(Unsupported, match=words):
            move()


def test_flags_that_differ_and_those_of_a_model_config(model: CausalLM, theirs: Any) -> None:
    flags: dict[str, Any] = {"do_sample": True, "top_k": 7, "eos_token_id": 2}
    expected = transformers.GenerationConfig(**flags).to_diff_dict()
    expected.pop("transformers_version", None)
    assert GenerationConfig(**flags).to_diff_dict() == expected
    reference = transformers.GenerationConfig.from_model_config(theirs.config)
    for config in (model.config, theirs.config):
        ours = GenerationConfig.from_model_config(config)
        assert (ours.eos_token_id, ours.pad_token_id) == (reference.eos_token_id, reference.pad_token_id) == (2, 0)


@pytest.mark.parametrize("normalize", [False, True])
def test_scores_of_answers(model: CausalLM, theirs: Any, normalize: bool) -> None:
    ids = torch.tensor([[5, 6, 7], [9, 8, 4]])
    flags: dict[str, Any] = {"attention_mask": torch.ones_like(ids), "max_new_tokens": 6, "do_sample": False}
    flags |= {"eos_token_id": -1, "pad_token_id": 0, "return_dict_in_generate": True, "output_scores": True}
    expected, got = theirs.generate(ids, **flags), model.generate(ids, **flags)
    reference = theirs.compute_transition_scores(expected.sequences, expected.scores, normalize_logits=normalize)
    scores = model.compute_transition_scores(got.sequences, got.scores, normalize_logits=normalize)
    torch.testing.assert_close(scores, reference, atol=1e-3, rtol=1e-4)
    with pytest.raises(UsageError, match=r"scores of 6 steps, of \[2\] rows"):
        model.compute_transition_scores(got.sequences[:1], got.scores)
