"""What is told in a warning: flags that a greedy answer does not read, an answer that the context cuts."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from causerie import CausalLM, GenerationConfig, pipeline
from causerie.api.pipeline.text_generation import TextGenerationPipeline

PROMPT = [[5, 6, 7]]
LONG = [[5] * 250]


@pytest.fixture(scope="module")
def pipe(model: CausalLM) -> TextGenerationPipeline:
    return pipeline("text-generation", model)


def said(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What a call returns, and its warnings. They must point here, where the call is."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        result = call()
    assert all(each.filename == __file__ for each in told)
    return result, [str(each.message) for each in told]


@pytest.mark.parametrize(
    "flags",
    [{"temperature": 0.7}, {"top_p": 0.9}, {"top_k": 5}, {"temperature": 0.1, "top_p": 0.5, "min_p": 0.1}],
    ids=lambda flags: "+".join(flags),
)
def test_a_lone_temperature_leaves_greedy_with_one_warning_as_theirs(
    model: CausalLM, theirs: Any, flags: dict[str, Any]
) -> None:
    expected = theirs.generate(torch.tensor(PROMPT), max_new_tokens=16, **flags)
    ours, told = said(lambda: model.generate(torch.tensor(PROMPT), max_new_tokens=16, **flags))
    assert torch.equal(ours, expected)
    assert len(told) == 1 and all(f"{name}={value:g}" in told[0] for name, value in flags.items())
    assert "no effect: do_sample is not set" in told[0] and "do_sample=True" in told[0]


def test_do_sample_decides_wherever_it_is_set(model: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    greedy = model.generate(PROMPT, max_new_tokens=16)
    drawn = model.generate(PROMPT, max_new_tokens=16, do_sample=True, temperature=1.5, seed=1)
    config = GenerationConfig(do_sample=True, max_new_tokens=16)
    assert greedy != drawn == model.generate(PROMPT, generation_config=config, temperature=1.5, seed=1)
    monkeypatch.setattr(model.generation_config, "do_sample", True)
    assert model.generate(PROMPT, max_new_tokens=16, temperature=1.5, seed=1) == drawn
    assert model.generate(PROMPT, max_new_tokens=16, temperature=0) == greedy
    assert model.generate(PROMPT, max_new_tokens=16, do_sample=True, temperature=0) == greedy
    result, told = said(lambda: model.generate(PROMPT, max_new_tokens=16, do_sample=False, temperature=1.5))
    assert result == greedy and len(told) == 1 and "do_sample is False" in told[0]


def test_streams_and_pipelines_say_so_too(
    model: CausalLM, pipe: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = said(lambda: list(model.stream(PROMPT[0], max_new_tokens=1, top_k=3)))
    assert len(told) == 1 and "top_k=3 has no effect" in told[0]
    assert said(lambda: pipe("fox", max_new_tokens=2, temperature=0.9))[1] == []  # its own default is to sample
    monkeypatch.setattr(model.generation_config, "do_sample", False)
    _, told = said(lambda: pipe(["fox", "dog"], max_new_tokens=2, temperature=0.9, batch_size=1))
    assert len(told) == 1 and "temperature=0.9 has no effect: do_sample is False" in told[0]


def test_an_answer_cut_by_the_context_is_told_once_with_both_numbers(
    model: CausalLM, pipe: TextGenerationPipeline
) -> None:
    for call in (
        lambda: model.generate(LONG, max_new_tokens=100),
        lambda: model.generate(LONG * 3, max_new_tokens=100),
        lambda: pipe("fox" * 125, max_new_tokens=100, do_sample=False, add_special_tokens=False),
        lambda: pipe(["fox" * 125] * 3, max_new_tokens=100, do_sample=False, batch_size=1),
        lambda: list(pipe.stream("fox" * 125, max_new_tokens=100, do_sample=False)),
    ):
        _, told = said(call)
        assert len(told) == 1 and "make 256, and the model's context is 256" in told[0]
    assert "the prompt's 250 tokens and the answer's 6 " in said(lambda: model.generate(LONG))[1][0]


def test_a_stream_that_the_context_would_cut_can_be_closed(model: CausalLM, pipe: TextGenerationPipeline) -> None:
    with pipe.stream("fox" * 110, max_new_tokens=100, do_sample=False) as stream:
        next(stream)
    assert stream.finish_reason == "cancelled"
    model.generate(PROMPT, max_new_tokens=1)  # the engine obeys in order
    assert model.engine_stats().running == 0


def test_an_answer_as_long_as_asked_for_is_not_called_cut(model: CausalLM, pipe: TextGenerationPipeline) -> None:
    assert said(lambda: model.generate(LONG, max_new_tokens=6))[1] == []
    assert said(lambda: model.generate(LONG, max_length=256))[1] == []
    ended = model.generate(LONG, max_new_tokens=1)[0][-1]
    assert said(lambda: model.generate(LONG, max_new_tokens=100, eos_token_id=ended))[1] == []
    flags = {"do_sample": False, "max_new_tokens": 12}
    assert said(lambda: pipe("fox " * 250, handle_long_generation="hole", **flags))[1] == []
