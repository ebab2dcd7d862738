"""Stopping criteria as the field has them: what they are shown, what they may answer, and the classes that come with
it. The judge is transformers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import causerie
from causerie import CausalLM
from causerie.errors import UsageError


def batch(tokenizer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    rows = [tokenizer.encode("The quick brown fox"), tokenizer.encode("Hello")]
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return ids, mask


class Recorder:
    """Ends row 0 with its third new token; keeps what it is shown."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.seen: list[tuple[torch.Tensor, Any]] = []

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> torch.Tensor:
        self.seen.append((input_ids.clone(), scores))
        return torch.tensor([input_ids.shape[1] >= self.width + 3, False])


@pytest.mark.parametrize("renormalize", [False, True])
def test_criteria_see_the_whole_batch_and_its_scores(
    model: CausalLM, theirs: Any, tokenizer: Any, renormalize: bool
) -> None:
    ids, mask = batch(tokenizer)
    flags: dict[str, Any] = {"max_new_tokens": 6, "return_dict_in_generate": True, "output_scores": True}
    flags |= {"renormalize_logits": renormalize, "attention_mask": mask, "do_sample": False}
    told, expected = Recorder(ids.shape[1]), Recorder(ids.shape[1])
    ours = model.generate(ids, stopping_criteria=[told], **flags)
    reference = theirs.generate(ids, stopping_criteria=transformers.StoppingCriteriaList([expected]), **flags)
    assert torch.equal(ours.sequences, reference.sequences)
    assert len(told.seen) == len(expected.seen) == 6
    for step, ((ids_here, scores_here), (ids_there, scores_there)) in enumerate(
        zip(told.seen, expected.seen, strict=True)
    ):
        assert torch.equal(ids_here, ids_there)
        assert len(scores_here) == len(scores_there) == step + 1
        going_on = slice(0 if step < 3 else 1, None)  # of a row that has ended the field goes on to compute scores
        assert torch.allclose(scores_here[-1][going_on], scores_there[-1][going_on], atol=2e-3)


def test_scores_are_none_where_nobody_asked_for_them(model: CausalLM) -> None:
    seen = []

    def criterion(ids: Any, scores: Any) -> bool:
        seen.append(scores)
        return False

    model.generate([[5, 6]], max_new_tokens=2, stopping_criteria=criterion)
    assert seen == [None, None]


def test_rows_of_lists_are_of_one_length_for_a_criterion(model: CausalLM) -> None:
    seen = []

    def criterion(ids: Any, scores: Any) -> list[bool]:
        seen.append(ids.tolist())
        return [False, True]

    rows = model.generate([[5, 6, 7], [4]], max_new_tokens=3, eos_token_id=-1, stopping_criteria=criterion)
    assert len(rows[0]) == 6 and len(rows[1]) == 2
    assert seen[0] == [rows[0][:4], [0, 0, *rows[1]]]
    assert seen[2] == [rows[0], [0, 0, *rows[1], 0, 0]]


@pytest.mark.parametrize("answer", [None, 1.5, [True, False, True], "yes"])
def test_an_answer_that_is_no_truth_for_each_row_is_refused(model: CausalLM, answer: Any) -> None:
    with pytest.raises(UsageError, match=r"True or False for each row \(shape \[2\]\)"):
        model.generate([[5], [6]], max_new_tokens=4, stopping_criteria=lambda ids, scores: answer)


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor, list])
def test_transformers_own_criteria_are_taken(model: CausalLM, theirs: Any, kind: Any) -> None:
    prompt = [[5, 6, 7], [9, 8, 4]]
    criteria = transformers.StoppingCriteriaList([transformers.generation.MaxLengthCriteria(7)])
    criteria.append(transformers.generation.EosTokenCriteria(torch.tensor([17])))
    flags: dict[str, Any] = {"max_new_tokens": 20, "do_sample": False, "eos_token_id": -1, "pad_token_id": 0}
    flags["attention_mask"] = torch.ones(2, 3, dtype=torch.long)
    expected = theirs.generate(torch.tensor(prompt), stopping_criteria=criteria, **flags)
    arguments = flags | {"attention_mask": kind(flags["attention_mask"].tolist())}
    got = model.generate(kind(prompt), stopping_criteria=criteria, **arguments)
    assert torch.equal(torch.tensor(np.asarray(got)), expected)


def random_ids(rows: int = 5, length: int = 12) -> torch.Tensor:
    return torch.randint(0, 300, (rows, length), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("ids", [random_ids(), random_ids(length=1)])
def test_the_classes_answer_as_transformers(ids: torch.Tensor) -> None:
    theirs = transformers.generation
    last = int(ids[2, -1])
    pairs = [
        (causerie.MaxLengthCriteria(12), theirs.MaxLengthCriteria(12)),
        (causerie.MaxLengthCriteria(13), theirs.MaxLengthCriteria(13)),
        (causerie.MaxTimeCriteria(60.0), theirs.MaxTimeCriteria(60.0)),
        (causerie.MaxTimeCriteria(1.0, time.time() - 9), theirs.MaxTimeCriteria(1.0, time.time() - 9)),
        (causerie.EosTokenCriteria(last), theirs.EosTokenCriteria(last)),
        (causerie.EosTokenCriteria([last, 7]), theirs.EosTokenCriteria([last, 7])),
        (causerie.EosTokenCriteria(torch.tensor([last])), theirs.EosTokenCriteria(torch.tensor([last]))),
    ]
    for ours, reference in pairs:
        answer, expected = ours(ids, None), reference(ids, None)
        assert answer.dtype == expected.dtype and torch.equal(answer, expected)
        assert ours(ids.numpy(), None).tolist() == expected.tolist()
    together = causerie.StoppingCriteriaList([ours for ours, _ in pairs[1:5:3]])
    assert torch.equal(together(ids, None), theirs.StoppingCriteriaList([each for _, each in pairs[1:5:3]])(ids, None))
    assert torch.equal(pairs[4][0](ids, None, new_token_length=5), pairs[4][1](ids, None, new_token_length=5))
    assert together.max_length == 13 and causerie.StoppingCriteriaList().max_length is None
    assert isinstance(pairs[0][0], causerie.StoppingCriteria)


def test_a_longer_row_than_the_context_is_told_once() -> None:
    criterion = causerie.MaxLengthCriteria(20, max_position_embeddings=8)
    with pytest.warns(UserWarning, match="A row has 12 tokens, and the model's context is 8"):
        criterion(random_ids(), None)
    criterion(random_ids(), None)


def test_stop_strings_are_completed_where_transformers_says_so(tokenizer: Any, their_tokenizer: Any) -> None:
    stops = ["fox", "e q", "you?"]
    ours = causerie.StopStringCriteria(tokenizer, stops)
    reference = transformers.generation.StopStringCriteria(their_tokenizer, stops)
    told = 0
    for text in ("The quick brown fox jumps over the lazy dog.", "Hello, how are you? I am fine", "foxes"):
        tokens = tokenizer.encode(text)
        for end in range(1, len(tokens) + 1):
            ids = torch.tensor([tokens[:end]])
            assert ours(ids, None).tolist() == reference(ids, None).tolist(), tokenizer.decode(tokens[:end])
            told += int(ours(ids, None)[0])
    assert told >= 3
    with pytest.raises(UsageError, match="none of them empty"):
        causerie.StopStringCriteria(tokenizer, [""])


def test_our_classes_end_generate(model: CausalLM, tokenizer: Any) -> None:
    prompt = tokenizer.encode("The quick")
    whole = model.generate([prompt], max_new_tokens=20)[0]
    ended = model.generate([prompt], max_new_tokens=20, stopping_criteria=causerie.MaxLengthCriteria(len(prompt) + 4))
    assert ended[0] == whole[: len(prompt) + 4]
    pipe = causerie.TextGenerationPipeline(model, tokenizer)
    criteria = causerie.StoppingCriteriaList([transformers.generation.MaxLengthCriteria(len(prompt) + 4)])
    (told,) = pipe("The quick", do_sample=False, stopping_criteria=criteria, return_tensors=True)
    assert told["generated_token_ids"] == ended[0]


def test_a_criterion_must_be_written() -> None:
    with pytest.raises(NotImplementedError, match="__call__"):
        causerie.StoppingCriteria()(random_ids(), None)


def test_a_changed_generation_config_is_saved(folder: Path, tmp_path: Path) -> None:
    with causerie.AutoModelForCausalLM.from_pretrained(folder, dtype="float32", device_map="cpu") as changed:
        changed.generation_config.do_sample = True
        changed.generation_config.top_k = 7
        changed.save_pretrained(tmp_path, progress=False)
    stored = transformers.GenerationConfig.from_pretrained(tmp_path)
    assert (stored.do_sample, stored.top_k, stored.eos_token_id, stored.pad_token_id) == (True, 7, 2, 0)
