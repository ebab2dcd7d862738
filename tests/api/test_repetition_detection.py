"""`repetition_detection`: off where nobody asks, so that results stay the field's; the same wherever it is on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from causerie import AutoModelForCausalLM, CausalLM, GenerationConfig, builtin_model_path, pipeline
from causerie.errors import UsageError

STUCK = {"logit_bias": {70: 100.0}, "do_sample": False, "max_new_tokens": 700}
"""One token, whatever the model would say."""
CHAT = [{"role": "user", "content": "Hello!"}]


@pytest.fixture(scope="module")
def model() -> Iterator[CausalLM]:
    with AutoModelForCausalLM.from_pretrained(builtin_model_path()) as loaded:
        yield loaded


def test_generate_ends_a_stuck_answer_where_it_is_asked_to(model: CausalLM) -> None:
    assert len(model.generate([[5, 6]], **STUCK)[0]) == 2 + 700
    out = model.generate([[5, 6], [9]], **STUCK, repetition_detection=True, return_dict_in_generate=True)
    assert [len(row) for row in out.sequences] == [2 + 576, 1 + 576]
    assert list(out.finish_reasons) == ["repetition", "repetition"]
    config = GenerationConfig(repetition_detection=True, **STUCK)
    assert len(model.generate([[5, 6]], config)[0]) == 2 + 576


def test_the_pipeline_and_its_stream_end_it_too(model: CausalLM) -> None:
    pipe = pipeline("text-generation", model)
    going = pipe(CHAT, **STUCK)[0]["generated_text"][-1]["content"]
    ended = pipe(CHAT, **STUCK, repetition_detection=True)[0]["generated_text"][-1]["content"]
    assert going == ended[0] * 700 and ended == ended[0] * 576
    stream = pipe.stream(CHAT, **STUCK, repetition_detection=True)
    assert "".join(stream) == ended and stream.finish_reason == "repetition"
    end = time.monotonic() + 20
    while model.engine_stats().running:  # an ended answer does not run on where nobody reads it
        assert time.monotonic() < end
        time.sleep(0.01)


def test_token_events_have_nobody_who_judges_them(model: CausalLM) -> None:
    with pytest.raises(UsageError, match=r"use stream_text\(\)"):
        model.stream([5, 6], repetition_detection=True)
    with pytest.raises(UsageError, match="repetition_detection is 'yes'; it must be True or False"):
        GenerationConfig(repetition_detection="yes")
