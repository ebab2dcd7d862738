"""Code of the caller's that changes scores, run as transformers runs it: logits_processor, prefix_allowed_tokens_fn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

import causerie
from causerie import CausalLM
from causerie.errors import EngineError, UsageError

GREEDY: dict[str, Any] = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": -1, "pad_token_id": 0}
IDS = torch.tensor([[0, 5, 6, 7], [9, 8, 4, 11]])
MASK = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]])


def rotated(ids: Any, scores: Any) -> Any:
    """Scores that depend on the last tokens and, as order matters, on what came before."""
    roll = np.roll if isinstance(scores, np.ndarray) else torch.roll
    return roll(scores, int(ids[0, -1]) % 7 + ids.shape[1] % 3, -1) * 0.5


class Rotated(transformers.LogitsProcessor):  # type: ignore[misc]
    def __call__(self, input_ids: Any, scores: Any) -> Any:
        rows = [rotated(ids[None], row[None]) for ids, row in zip(input_ids, scores, strict=True)]
        return torch.cat(rows)


def test_processors_run_as_in_transformers(model: CausalLM, theirs: Any) -> None:
    lists = transformers.LogitsProcessorList([Rotated(), transformers.TopKLogitsWarper(3)])
    flags = GREEDY | {"attention_mask": MASK, "repetition_penalty": 1.3, "suppress_tokens": [40, 41]}
    kept = {"return_dict_in_generate": True, "output_scores": True}
    expected = theirs.generate(IDS, logits_processor=lists, **flags, **kept)
    got = model.generate(IDS, logits_processor=lists, **flags, **kept)
    assert torch.equal(got.sequences, expected.sequences)
    torch.testing.assert_close(torch.stack(got.scores), torch.stack(expected.scores), atol=1e-3, rtol=1e-3)
    plain = model.generate(IDS, **flags)
    assert not torch.equal(got.sequences, plain)
    ours = causerie.LogitsProcessorList([rotated])
    arrays = model.generate(IDS.numpy(), logits_processor=ours, **{**flags, "attention_mask": MASK.numpy()})
    assert isinstance(arrays, np.ndarray)
    assert torch.equal(torch.tensor(arrays), theirs.generate(IDS, logits_processor=[Rotated()], **flags))


def test_allowed_tokens_as_in_transformers(model: CausalLM, theirs: Any) -> None:
    def allowed(batch_id: int, ids: Any) -> list[int]:
        assert ids.ndim == 1
        return [(7 * len(ids) + int(ids[-1]) + step) % 300 for step in range(3 + batch_id)]

    flags = GREEDY | {"attention_mask": MASK}
    expected = theirs.generate(IDS, prefix_allowed_tokens_fn=allowed, **flags)
    assert torch.equal(model.generate(IDS, prefix_allowed_tokens_fn=allowed, **flags), expected)
    assert not torch.equal(model.generate(IDS, **flags), expected)


@pytest.mark.filterwarnings("ignore")  # transformers' of its own lengths
def test_a_pipeline_runs_them(model: CausalLM, tokenizer: Any, theirs: Any, their_tokenizer: Any) -> None:
    pipe = causerie.TextGenerationPipeline(model, tokenizer)
    reference = transformers.pipeline("text-generation", model=theirs, tokenizer=their_tokenizer)
    flags = {"max_new_tokens": 6, "do_sample": False, "logits_processor": [Rotated()]}
    flags["prefix_allowed_tokens_fn"] = lambda batch, ids: range(20 + batch, 90)
    assert pipe(["fox", "The"], **flags) == reference(["fox", "The"], **flags)
    with pytest.raises(UsageError, match="runs no code of yours"):
        pipe.stream("fox", logits_processor=[Rotated()])


def test_what_they_raise_is_raised_and_the_engine_goes_on(model: CausalLM) -> None:
    def broken(ids: Any, scores: Any) -> Any:
        raise LookupError("of the caller's own")

    before = model.generate(IDS, **GREEDY)
    for flags, error, words in (
        ({"logits_processor": broken}, LookupError, "of the caller's own"),
        ({"logits_processor": [lambda ids, scores: scores[:, :5]]}, UsageError, r"shape \[1, 5\]; expected"),
        ({"logits_processor": [3]}, UsageError, "logits_processor holds 3"),
        ({"prefix_allowed_tokens_fn": lambda batch, ids: []}, UsageError, r"gave \[\] after 4 tokens"),
        ({"prefix_allowed_tokens_fn": lambda batch, ids: [9999]}, UsageError, "9999"),
        ({"prefix_allowed_tokens_fn": 3}, UsageError, "expected a function"),
        ({"logits_processor": lambda ids, scores: scores - np.inf}, UsageError, "Every token is forbidden"),
        # One that asks the model whose step it is in would wait for itself.
        ({"logits_processor": lambda ids, scores: model(ids).logits[:, -1]}, EngineError, "inside its own step"),
    ):
        with pytest.raises(error, match=words):
            model.generate(IDS, **GREEDY, **flags)
    assert torch.equal(model.generate(IDS, **GREEDY), before)
    with pytest.raises(NotImplementedError, match="__call__"):
        causerie.LogitsProcessor()(IDS, None)
