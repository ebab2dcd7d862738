"""Models that guess, on the native backend, by `==`: answers are those without guesses, and so is what is left in the
cache. One that has the same weights is right wherever it has read what the other has, which shows that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from causerie.backends.ops import StepOutput
from causerie.backends.step import Step
from causerie.decoding.drafting.drafter import GuessingDrafter
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.request import TokenEvent
from causerie.models.model import Model, StepModel

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

from causerie.engine.assistant.draft_model import DraftModel, cache_for
from causerie.engine.assistant.shadow import ShadowDrafter
from causerie.engine.assistant.translated_draft import TranslatedDraft, own_cache
from tests.engine.scripted import eager
from tests.engine.test_drafting_native import Asked, answers, text
from tests.engine.test_exact_native import Limited, prompts
from tests.engine.test_translated import Alike
from tests.kernels.decoders import Shape, build, random_weights

CASES = {
    "float32": ("float32", Shape(bias=True), "float32"),
    "bfloat16": ("bfloat16", Shape(qk_norm=True), "bfloat16"),
    "kept in int8": ("bfloat16", Shape(), "int8"),
    "experts": ("bfloat16", Shape(experts=5, active=2), "float32"),
    "windows": ("bfloat16", Shape(windows=(None, 40, 17), layers=3), "float32"),
    "window": ("float32", Shape(window=40), "float32"),
}


@dataclass
class Counting:
    """A model that counts the rows it has run."""

    model: StepModel
    rows: int = 0

    vocab = property(lambda self: self.model.vocab)
    context = property(lambda self: self.model.context)
    cache = property(lambda self: self.model.cache)
    max_tokens = property(lambda self: self.model.max_tokens)
    shared_length = property(lambda self: self.model.shared_length)
    switch_length = property(lambda self: self.model.switch_length)

    def run(self, step: Step) -> StepOutput:
        self.rows += len(step.tokens)
        return self.model.run(step)


@dataclass
class Pair:
    """A model, and what guesses for it in an engine."""

    model: Model
    drafter: Callable[[StepModel], GuessingDrafter]  # for the model as the engine sees it
    alike: bool  # whether the guesses are those of the same weights
    assistant: Counting


def _pair(case: str, kind: str, alike: bool) -> Pair:
    format, shape, cache = CASES[case]
    spec = shape.decoder()
    stored = random_weights(spec, format)
    model = build(spec, stored, cache=cache)
    if not alike:  # as few bits would have it, and more so
        noise = random_weights(spec, "float32", seed=1)
        plain = random_weights(spec, "float32")
        stored = {name: plain[name] + 0.02 * noise[name] for name in plain}
    if kind == "shadow":
        assistant = Counting(build(spec, stored, beside=model, max_tokens=64))
        return Pair(model, lambda seen: ShadowDrafter(assistant), alike, assistant)
    own = build(spec, stored, cache=cache)
    if kind == "translated":
        own.cache = own_cache(model.cache, spec, cache)
        assistant = Counting(own)
        return Pair(model, lambda seen: TranslatedDraft(assistant, Alike()), alike, assistant)
    own.cache = cache_for(model.cache, spec, cache)
    assistant = Counting(own)
    return Pair(model, lambda seen: DraftModel(assistant, seen), alike, assistant)


@pytest.fixture(scope="module", params=[
    (case, kind, alike) for case in CASES for kind in ("shadow", "draft") for alike in (True, False)
    if (case, kind) != ("window", "draft")
] + [
    (case, "translated", False) for case in ("float32", "windows", "window")
], ids=lambda param: f"{param[0]}-{param[1]}-{'alike' if param[2] else 'unlike'}")  # fmt: skip
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    made = _pair(*request.param)
    yield made
    made.assistant.model.close()  # type: ignore[attr-defined]
    made.model.close()


def same(found: Sequence[Sequence[TokenEvent]], expected: Sequence[Sequence[TokenEvent]]) -> None:
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            assert (a.token, a.finish_reason, a.logprob, a.top_logprobs) == (
                b.token, b.finish_reason, b.logprob, b.top_logprobs
            )  # fmt: skip
            np.testing.assert_array_equal(a.logits, b.logits)
            np.testing.assert_array_equal(a.scores, b.scores)


def asked_of(model: Model, **options: Any) -> Asked:
    wishes: list[dict[str, Any]] = [
        {},
        {"temperature": 0.9, "top_p": 0.95},
        {"temperature": 0.8, "top_k": 20, "repetition_penalty": 1.2},
        {"presence_penalty": 0.4, "frequency_penalty": 0.3, "no_repeat_ngram_size": 3},
        {"temperature": 1.2, "bad_words": ((3,), (4, 5)), "min_tokens": 20, "eos": (7, 8)},
        {"eos": tuple(range(100, 120))},
    ]
    base = {"max_tokens": 40, "logprobs": 2, "keep_logits": True, "keep_scores": True} | options
    return [
        (prompt, SamplingParams(seed=seed, **(base | wish)))
        for seed, (prompt, wish) in enumerate(zip(prompts(model), wishes, strict=True))
    ]


def test_answers_are_those_without_guesses(pair: Pair) -> None:
    asked = asked_of(pair.model)
    expected = [answers(Engine(pair.model), [one])[0] for one in asked]
    longest = max(len(prompt) + len(text(found)) for (prompt, _), found in zip(asked, expected, strict=True))
    few = -(-longest // pair.model.cache.block_size) + 1
    for room in ({}, {"max_tokens": 9}, {"blocks": few}, {"blocks": few, "max_tokens": 32}):
        seen = Limited(pair.model, **room)
        drafter = pair.drafter(seen)
        engine = Engine(seen, drafters=(drafter,), controller=eager(drafter))
        same(answers(engine, asked), expected)
        (count,) = engine.stats().drafts
        assert count.drafted > 20
        assert count.accepted == count.drafted if pair.alike else count.accepted < count.drafted


def test_what_is_left_in_the_cache_is_what_is_without_guesses(pair: Pair) -> None:
    """Texts that were guessed for are gone on with, from their middle and from their end, without guesses."""
    asked = asked_of(pair.model)
    plain = [answers(Engine(pair.model), [one])[0] for one in asked]
    again = [
        (prompt + text(found)[:-cut], SamplingParams(max_tokens=4, most_drafted=0, keep_logits=True))
        for cut in (9, 1)
        for (prompt, _), found in zip(asked, plain, strict=True)
        if len(text(found)) > 10
    ]
    expected = [answers(Engine(pair.model), [one])[0] for one in again]
    drafter = pair.drafter(pair.model)
    engine = Engine(pair.model, drafters=(drafter,), controller=eager(drafter))
    same(answers(engine, asked), plain)  # from here on nobody else may write to the model's cache
    before = engine.stats().cached_tokens
    found: dict[int, list[TokenEvent]] = {engine.submit(engine.request(*one)): [] for one in again}
    while engine.busy:
        for event in engine.step():
            found[event.request].append(event)
    same(list(found.values()), expected)
    assert engine.stats().cached_tokens > before + 300 and len(again) > 8


def test_a_second_turn_reads_only_what_is_new() -> None:
    """And so does somebody who begins alike."""
    pair = _pair("float32", "draft", True)
    drafter = pair.drafter(pair.model)
    engine = Engine(pair.model, drafters=(drafter,), controller=eager(drafter))
    prompt = prompts(pair.model)[0]
    ask = SamplingParams(max_tokens=20)
    first = text(answers(engine, [(prompt, ask)])[0])
    assert pair.assistant.rows < len(prompt) + 4 * 20
    for beginning in (prompt + first + [1, 2, 3], [*prompt[:70], 5, 6]):
        pair.assistant.rows = 0
        engine.submit(engine.request(beginning, ask))
        while engine.busy:
            engine.step()
        assert 20 <= pair.assistant.rows < 4 * 20
    count = engine.stats().drafts[0]
    assert count.accepted == count.drafted


def test_a_draft_model_without_some_tokens_guesses_the_others() -> None:
    pair = _pair("float32", "draft", True)
    format, shape, cache = CASES["float32"]
    spec = shape.decoder()
    stored = random_weights(spec, format)
    few, many = replace(spec, vocab=spec.vocab - 20), replace(spec, vocab=spec.vocab + 20)
    asked = [([token % few.vocab for token in prompt], SamplingParams(max_tokens=20)) for prompt in prompts(pair.model)]
    asked.append(([few.vocab + 5, 1, 2], SamplingParams(max_tokens=20)))  # which one of them cannot read
    expected = [answers(Engine(pair.model), [one])[0] for one in asked]
    for other in (few, many):
        table = np.resize(stored["embed"], (other.vocab, spec.width))
        model = build(other, stored | {"embed": table}, cache=cache)
        model.cache = cache_for(pair.model.cache, other, cache)
        drafter = DraftModel(model, pair.model)
        engine = Engine(pair.model, drafters=(drafter,), controller=eager(drafter))
        same(answers(engine, asked), expected)
        (count,) = engine.stats().drafts
        assert count.accepted == count.drafted if other is many else 20 < count.accepted < count.drafted
        model.close()


def test_guesses_are_asked_for_where_lookup_has_none(pair: Pair) -> None:
    """Both drafters, with the controller that weighs them."""
    asked = asked_of(pair.model)
    expected = [answers(Engine(pair.model), [one])[0] for one in asked]
    engine = Engine(pair.model, drafters=(PromptLookup(), pair.drafter(pair.model)))
    same(answers(engine, asked), expected)
