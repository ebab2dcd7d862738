"""Guessing tokens changes when they come and nothing else, through the library's own doors, on both backends; and it is
done where it is asked for. Here every guess is checked, whatever it costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from causerie import AutoModelForCausalLM, AutoTokenizer
from causerie.api.causal_lm import CausalLM
from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.resolution import Flags, resolve
from causerie.engine.speculation.controller import Controller
from causerie.errors import UnknownName, UsageError
from tests.engine.scripted import Eager

PROMPT = "Say the same: one two three one two three one two three one two"
CALLS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "sampled": {"do_sample": True, "temperature": 0.8, "seed": 3},
    "a few tokens": {"do_sample": True, "seed": 5, "logit_bias": {300: 40.0, 301: 40.0, 302: 40.0}},
    "penalties": {"repetition_penalty": 1.1, "frequency_penalty": 0.2, "logit_bias": {300: 40.0, 301: 40.0, 302: 40.0}},
    "a form": {"response_format": {"type": "json_object"}},
    "several": {"do_sample": True, "seed": 1, "num_return_sequences": 3},
}


@pytest.fixture(scope="module", params=["native", "torch"])
def model(request: pytest.FixtureRequest) -> Iterator[CausalLM]:
    if request.param == "native":
        pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")
    with AutoModelForCausalLM.from_pretrained(
        "builtin", dtype="float32", backend=request.param, progress=False
    ) as loaded:
        yield loaded


@pytest.fixture
def eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("turn", "depths", "survivals", "pause"):
        monkeypatch.setattr(Controller, name, getattr(Eager, name))


def drafted(model: CausalLM) -> int:
    return model.engine_stats().drafted_tokens


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("call", CALLS)
def test_answers_are_the_same(model: CausalLM, call: str) -> None:
    ids = AutoTokenizer.from_pretrained("builtin")(PROMPT)["input_ids"]
    flags = {**CALLS[call], "max_new_tokens": 48, "return_dict_in_generate": True, "logprobs": 2}
    before = drafted(model)
    plain = model.generate([ids, ids[:9]], speculation="off", **flags)
    assert drafted(model) == before
    guessed = model.generate([ids, ids[:9]], speculation="lookup", **flags)
    assert drafted(model) > before
    assert guessed.sequences == plain.sequences
    tolerance = 0.0 if model.backend == "native" else 1e-3
    for one, other in zip(guessed.logprobs, plain.logprobs, strict=True):
        np.testing.assert_allclose(np.array(one, float), np.array(other, float), rtol=0, atol=tolerance)


@pytest.mark.usefixtures("eagerly")
def test_stop_strings_end_where_they_did(model: CausalLM) -> None:
    ids = AutoTokenizer.from_pretrained("builtin")(PROMPT)["input_ids"]
    flags = {"logit_bias": {300: 40.0, 301: 40.0, 302: 40.0}, "do_sample": True, "seed": 5, "max_new_tokens": 40}
    text = "".join(model.stream_text(ids, speculation="off", **flags))
    stop = text[len(text) // 2 :][:6]
    plain, guessed = (
        "".join(model.stream_text(ids, speculation=word, stop_strings=[stop], **flags)) for word in ("off", "lookup")
    )
    assert guessed == plain == text[: text.index(stop)]


@pytest.mark.usefixtures("eagerly")
def test_who_guesses_where_nobody_asks(model: CausalLM) -> None:
    """On torch the last bits depend on the rows of a step, and an answer is not to depend on time."""
    ids = AutoTokenizer.from_pretrained("builtin")(PROMPT)["input_ids"]
    before = drafted(model)
    model.generate([ids], max_new_tokens=24)
    model.generate([ids], max_new_tokens=24, speculation="auto")
    assert (drafted(model) > before) == (model.backend == "native")
    before = drafted(model)
    list(model.stream(ids, max_new_tokens=24, prompt_lookup_num_tokens=1))
    assert drafted(model) > before


@pytest.mark.usefixtures("eagerly")
def test_a_model_is_loaded_to_guess_or_not() -> None:
    ids = AutoTokenizer.from_pretrained("builtin")(PROMPT)["input_ids"]
    with AutoModelForCausalLM.from_pretrained("builtin", speculation="off", progress=False) as model:
        model.generate([ids], max_new_tokens=24)
        assert drafted(model) == 0
        model.generate([ids], max_new_tokens=24, speculation="lookup")
        assert drafted(model) > 0
    with pytest.raises(UnknownName, match=r"speculation.*'lokup'"):
        AutoModelForCausalLM.from_pretrained("builtin", speculation="lokup", progress=False)


def test_what_flags_come_to() -> None:
    def params(checkpoint: dict[str, Any] | None = None, **flags: Any) -> tuple[Any, ...]:
        levels = Flags(GenerationConfig(**flags), checkpoint=GenerationConfig(**(checkpoint or {})))
        made = resolve(levels, prompt_length=5, context=100).params
        return made.drafters, made.most_drafted, made.longest_match

    assert params() == params(speculation="auto") == (None, None, None)
    assert params(speculation="off") == ((), None, None)
    assert params(prompt_lookup_num_tokens=10, max_matching_ngram_size=2) == (("lookup", "chats"), 10, 2)
    assert params(prompt_lookup_num_tokens=10, speculation="auto") == (None, 10, None)
    assert params({"prompt_lookup_num_tokens": 4}, speculation="off") == ((), 4, None)
    with pytest.raises(UsageError, match="speculation='off' guesses nothing"):
        params(prompt_lookup_num_tokens=10, speculation="off")
