"""CausalLM against transformers on the same folder: logits, texts and shapes; and what only ours has."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from causerie import AutoModelForCausalLM, CausalLM, GenerationConfig
from causerie.engine.request import TokenEvent
from causerie.errors import ContextLengthError, EngineError, UnknownName, Unsupported, UsageError

TEXTS = ["Hello, how are you", "fox", "what is a token? The quick brown"]


@pytest.fixture(scope="module")
def batch(their_tokenizer: Any) -> Any:
    """Prompts of unequal length, padded on the left."""
    return their_tokenizer(TEXTS, return_tensors="pt", padding=True)


def test_logits_are_theirs(model: CausalLM, theirs: Any, batch: Any) -> None:
    with torch.no_grad():
        expected = theirs(**batch).logits
    logits = model(**batch).logits
    counted = batch["attention_mask"].bool()
    assert isinstance(logits, torch.Tensor) and logits.shape == expected.shape and logits.dtype == torch.float32
    torch.testing.assert_close(logits[counted], expected[counted], atol=1e-4, rtol=0)
    assert not logits[~counted].any()


def test_padding_changes_nothing(model: CausalLM, batch: Any) -> None:
    together = model(batch["input_ids"].numpy(), batch["attention_mask"].numpy()).logits
    alone = model(batch["input_ids"][1:2, -2:].numpy())["logits"]
    assert isinstance(alone, np.ndarray)
    if model.backend == "native":
        assert np.array_equal(together[1, -2:], alone[0])
    else:
        np.testing.assert_allclose(together[1, -2:], alone[0], atol=1e-5)


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"min_new_tokens": 12},
        {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2},
        {"bad_words_ids": [[74], [63, 100]], "suppress_tokens": [295, 335]},
        {"begin_suppress_tokens": [74, 295], "sequence_bias": {(74,): -4.0, (335, 74): 3.0}},
        {"eos_token_id": [74, 348], "pad_token_id": 1},
        {"stop_strings": ["st", "2345"]},
    ],
    ids=lambda flags: "+".join(flags) or "plain",
)
def test_greedy_batches_are_theirs(
    model: CausalLM, theirs: Any, their_tokenizer: Any, tokenizer: Any, batch: Any, flags: dict[str, Any]
) -> None:
    theirs_flags = flags | ({"tokenizer": their_tokenizer} if "stop_strings" in flags else {})
    expected = theirs.generate(**batch, max_new_tokens=24, do_sample=False, **theirs_flags)
    ours = model.generate(**batch, max_new_tokens=24, do_sample=False, **flags)
    assert isinstance(ours, torch.Tensor) and ours.dtype == torch.int64
    assert torch.equal(ours, expected)


def test_scores_and_logits_are_theirs(model: CausalLM, theirs: Any, batch: Any) -> None:
    flags = {
        "max_new_tokens": 6,
        "do_sample": False,
        "repetition_penalty": 1.5,
        "return_dict_in_generate": True,
        "output_scores": True,
        "output_logits": True,
    }
    one = {name: tensor[2:3] for name, tensor in batch.items()}
    expected, ours = theirs.generate(**one, **flags), model.generate(**one, **flags)
    assert torch.equal(ours.sequences, expected.sequences) and "scores" in ours and ours.seeds is None
    for name in ("scores", "logits"):
        assert len(ours[name]) == len(expected[name])
        for mine, other in zip(ours[name], expected[name], strict=True):
            torch.testing.assert_close(mine, other, atol=1e-4, rtol=0)


def test_each_container_comes_back(model: CausalLM, batch: Any) -> None:
    tensors = model.generate(**batch, max_new_tokens=5)
    arrays = model.generate(
        batch["input_ids"].numpy(), attention_mask=batch["attention_mask"].numpy(), max_new_tokens=5
    )
    assert isinstance(arrays, np.ndarray) and np.array_equal(arrays, tensors.numpy())
    lists = model.generate([[5, 6, 7], [8]], max_new_tokens=5)
    assert isinstance(lists, list) and lists[0][:3] == [5, 6, 7] and [len(row) for row in lists] == [8, 6]
    assert model.generate([8], max_new_tokens=5) == lists[1:]
    assert model.generate([list(np.array([5, 6, 7])), [np.int32(8)]], max_new_tokens=5) == lists


def test_padding_is_seen_without_a_mask(model: CausalLM, batch: Any) -> None:
    masked = model.generate(**batch, max_new_tokens=5)
    assert torch.equal(model.generate(batch["input_ids"], max_new_tokens=5), masked)


def test_rows_that_end_early_are_padded_on_the_right(model: CausalLM, batch: Any) -> None:
    plain = model.generate(**batch, max_new_tokens=6)
    width = batch["input_ids"].shape[1]
    ended = model.generate(**batch, max_new_tokens=6, eos_token_id=int(plain[0, width + 1]), pad_token_id=3)
    assert ended[0, width:].tolist() == [*plain[0, width : width + 2].tolist(), 3, 3, 3, 3]


def test_sampling_is_seeded_and_independent_of_the_batch(model: CausalLM, batch: Any) -> None:
    flags = {"max_new_tokens": 8, "do_sample": True, "seed": 7, "num_return_sequences": 2}
    rows = model.generate(**batch, **flags)
    assert rows.shape[0] == 6 and not torch.equal(rows[0], rows[1])
    assert torch.equal(rows, model.generate(**batch, **flags))
    alone = model.generate(batch["input_ids"][2:], attention_mask=batch["attention_mask"][2:], **flags)
    assert torch.equal(rows[4:], alone)
    drawn = {"max_new_tokens": 8, "do_sample": True, "temperature": 1.5}
    output = model.generate([5, 6], **drawn, return_dict_in_generate=True)
    again = model.generate([5, 6], **drawn, seed=output.seeds[0])
    assert output.sequences == again


def test_stop_strings_end_the_tokens(model: CausalLM, tokenizer: Any) -> None:
    prompt = tokenizer.encode("Hello")
    whole = tokenizer.decode(model.generate([prompt], max_new_tokens=20)[0][len(prompt) :])
    stop = whole[8:11]
    tokens = model.generate([prompt], max_new_tokens=20, stop=stop)[0][len(prompt) :]
    assert stop in tokenizer.decode(tokens) and stop not in tokenizer.decode(tokens[:-1])
    stream = model.stream_text(prompt, max_new_tokens=20, stop=[stop], skip_special_tokens=False)
    assert "".join(stream) == whole[: whole.index(stop)]
    assert stream.finish_reason == "stop" and stream.stop_string == stop


def test_streams(model: CausalLM, tokenizer: Any) -> None:
    prompt = tokenizer.encode("The quick")
    tokens = model.generate([prompt], max_new_tokens=9)[0][len(prompt) :]
    events = list(model.stream(prompt, max_new_tokens=9, logprobs=2))
    assert [event.token for event in events] == tokens
    assert events[-1].finish_reason == "length" and len(events[0].top_logprobs) == 2
    assert "".join(model.stream_text(prompt, max_new_tokens=9)) == tokenizer.decode(tokens, skip_special_tokens=True)


def test_criteria_end_rows_one_by_one(model: CausalLM) -> None:
    seen: list[tuple[int, ...]] = []

    def third(ids: Any, scores: Any) -> Any:
        seen.append(ids.shape)
        return torch.tensor([ids.shape[1] >= 6])

    rows = model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=20, stopping_criteria=[third])
    assert rows.shape == (1, 6) and seen == [(1, 4), (1, 5), (1, 6)]
    assert model.generate([[5, 6, 7], [4]], max_new_tokens=4, stopping_criteria=lambda ids, _: ids.shape[1] > 3)[0][3:]


def test_nothing_runs_on_behind_an_error(model: CausalLM) -> None:
    def fail(ids: Any, scores: Any) -> Any:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        model.generate([[5], [6]], max_new_tokens=250, stopping_criteria=fail)
    model.generate([[7]], max_new_tokens=1)  # the engine obeys in order, so the cancelled rows are gone by now
    assert model._engine.stats().running == 0


def test_lengths(model: CausalLM) -> None:
    assert len(model.generate([[5, 6, 7]], max_length=9)[0]) == 9
    with pytest.warns(UserWarning, match="the context is full"):
        assert len(model.generate([[5] * 250], max_new_tokens=100)[0]) == 256
    with pytest.raises(ContextLengthError, match="256 tokens and the model's context is 256"):
        model.generate([[5] * 256])
    with pytest.raises(ContextLengthError, match="300"):
        model([[5] * 300])
    assert model([[5] * 256]).logits.shape == (1, 256, 360)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"max_new_token": 3}, UnknownName, "max_new_token'.*nearest first: max_new_tokens"),
        ({"inputs_id": [1]}, UnknownName, "input_ids"),
        ({"num_beams": 3, "do_sample": True}, Unsupported, "num_beams=3 draws nothing at random"),
        ({"assistant_model": object()}, UsageError, "expected a model that AutoModelForCausalLM loaded"),
        ({"logits_processor": [print]}, UsageError, "logits processor print gave None; expected scores of shape"),
        ({"temperature": 0, "num_return_sequences": 3}, UsageError, "three identical|3 identical"),
        ({"output_logits": True}, UsageError, "return_dict_in_generate=True"),
        ({"logprobs": 2}, UsageError, "return_dict_in_generate=True"),
        ({"streamer": object()}, UsageError, "no put"),
        ({"stopping_criteria": [3]}, UsageError, "callables"),
        ({"attention_mask": [[1, 1]]}, UsageError, "attention_mask has rows of"),
        ({"attention_mask": [[0, 0, 0]]}, UsageError, "Row 0"),
    ],
)
def test_refused(model: CausalLM, arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        model.generate([[5, 6, 7]], **arguments)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Hello", "is a text"),
        ([], "empty list"),
        ([[]], "Row 0"),
        ([["a"]], "whole numbers"),
        ([[360]], r"token 360 in row 0; this model's tokens are 0 to 359"),
        ([[-1]], "token -1"),
        (np.ones((2, 2)), "float64"),
        (np.ones(3, dtype=int), "shape"),
        ({"input_ids": [[1]]}, r"generate\(\*\*inputs\)"),
        (None, "no prompt"),  # and no token to begin with
    ],
)
def test_prompts_refused(model: CausalLM, prompt: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        model.generate(prompt)


def test_neutral_arguments_pass(model: CausalLM) -> None:
    plain = model.generate([[5, 6]], max_new_tokens=3)
    neutral = {
        "num_beams": 1,
        "use_cache": True,
        "synced_gpus": False,
        "logits_processor": None,
        "early_stopping": False,
    }
    assert model.generate([[5, 6]], max_new_tokens=3, **neutral) == plain
    assert model([[5, 6]], use_cache=False, return_dict=True, position_ids=None).logits.shape == (1, 2, 360)
    with pytest.raises(Unsupported, match="Training"):
        model([[5]], labels=[[5]])
    with pytest.raises(UnknownName, match="atention_mask"):
        model([[5]], atention_mask=[[1]])


def test_what_it_says_of_itself(model: CausalLM, theirs: Any, folder: Path) -> None:
    assert model.device == torch.device("cpu") and model.device == "cpu" and model.device.type == "cpu"
    assert model.dtype is torch.float32 and model.format == "float32"
    assert model.num_parameters() == theirs.num_parameters()
    assert model.get_memory_footprint() >= 4 * model.num_parameters()
    assert model.name_or_path == str(folder) and model.config.hidden_size == 64
    assert "llama" in repr(model) and "float32" in repr(model)
    assert model.to("cpu") is model and model.to(torch.float32) is model and model.eval() is model
    assert torch.ones(2).to(model.device).device == torch.device("cpu")
    with pytest.raises(Unsupported, match="device_map='cuda'"):
        model.to("cuda")
    with pytest.raises(Unsupported, match="dtype='bfloat16'"):
        model.to(torch.bfloat16)


def test_flags_of_the_model_can_be_set(folder: Path) -> None:
    with AutoModelForCausalLM.from_pretrained(folder, device_map="cpu") as loaded:
        loaded.generation_config.max_new_tokens = 2
        assert len(loaded.generate([[5]])[0]) == 3
        assert len(loaded.generate([[5]], generation_config=GenerationConfig(max_new_tokens=4))[0]) == 5
    with pytest.raises(EngineError, match="closed"):
        loaded.generate([[5]])


def test_it_stays_in_its_process(model: CausalLM) -> None:
    for send in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(UsageError, match="load it there"):
            send(model)


def test_dropping_it_frees_it(folder: Path) -> None:
    loaded = AutoModelForCausalLM.from_pretrained(folder, device_map="cpu")
    loaded.generate([[5]], max_new_tokens=1)
    gone = weakref.ref(loaded)
    del loaded
    gc.collect()
    assert gone() is None


class FailingEngine:
    """Ends every request with an error after one token."""

    def submit_all(self, requests: Any) -> list[Any]:
        return [FailingStream() for _ in requests]

    def close(self) -> None: ...


class FailingStream:
    def __init__(self) -> None:
        self.events = [
            TokenEvent(0, 5),
            TokenEvent(0, None, "error", error="The model gave logits that are no numbers."),
        ]

    def __next__(self) -> TokenEvent:
        return self.events.pop(0)

    def close(self) -> None: ...


@pytest.fixture
def failing(model: CausalLM, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(model, "_engine", FailingEngine())
    return model.generate


def test_a_failed_request_is_an_error(failing: Callable[..., Any]) -> None:
    with pytest.raises(EngineError, match="no numbers"):
        failing([[5]])
