"""On the native backend, by `==`: with drafts that are right, wrong or absent a request's tokens, logits and
log-probabilities are those it has alone and without drafts. Run on small random decoders, one with a rotation that
depends on the length, and on the built-in model, there also under penalties, limits on reasoning and a JSON schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.backends.ops import StepOutput
from causerie.backends.step import Step
from causerie.builtin import builtin_model_path
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.drafting.other_chats import OtherChats
from causerie.decoding.params import SamplingParams
from causerie.decoding.reasoning import AfterReasoning, ReasoningTokens
from causerie.engine.engine import Engine
from causerie.engine.request import TokenEvent
from causerie.models.model import Model
from causerie.text.structure import CompiledGrammar, grammar_of
from causerie.text.tokenizer import Tokenizer
from tests.engine.scripted import Clock, Eager, ScriptedDrafter, eager

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

from tests.engine.test_exact_native import CASES, Limited, _builtin, prompts
from tests.kernels.decoders import Shape, build, random_weights

Asked = Sequence[tuple[list[int], SamplingParams]]
HABITS: dict[str, dict[str, Any]] = {
    "right": {"longest": 20},
    "wrong at random": {"right": 0.8, "longest": 12},
    "wrong": {"right": 0.0, "longest": 5},
    "often silent": {"right": 0.9, "longest": 3, "silent": 0.5},
}


@pytest.fixture(scope="module", params=[*CASES, "dynamic"])
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    if request.param == "builtin":
        made = _builtin()
    else:
        format, shape = CASES.get(request.param, ("float32", Shape()))
        spec = shape.decoder()
        if request.param == "dynamic":  # two prompts are longer than 40, and one grows so
            (layer, *_), options = spec.layers, {"scaling": "dynamic", "options": (("factor", 2.0),)}
            rope = replace(layer.mixer.rope, context=40, **options)
            spec = replace(spec, layers=(replace(layer, mixer=replace(layer.mixer, rope=rope)),) * len(spec.layers))
        made = build(spec, random_weights(spec, format))
    yield made
    made.close()


@pytest.fixture(scope="module")
def builtin() -> Iterator[Model]:
    made = _builtin()
    yield made
    made.close()


def answers(engine: Engine, asked: Asked) -> list[list[TokenEvent]]:
    """Every event of requests that are submitted together; their numbers count from 0."""
    events: list[list[TokenEvent]] = [[] for _ in asked]
    for number, (prompt, params) in enumerate(asked):
        assert engine.submit(engine.request(prompt, params)) == number
    while engine.busy:
        for event in engine.step():
            events[event.request].append(event)
        engine.check_integrity()
    return events


def text(events: list[TokenEvent]) -> list[int]:
    return [event.token for event in events if event.token is not None]


def check(model: Model, asked: Asked, expected: list[list[TokenEvent]], habits: dict[str, Any]) -> int:
    """Compares the answers with drafts, together, in whatever room; returns how often somebody was sent back."""
    preemptions = 0
    longest = max(len(prompt) + len(text(found)) for (prompt, _), found in zip(asked, expected, strict=True))
    few = -(-longest // model.cache.block_size) + 1
    for room in ({}, {"max_tokens": 9}, {"blocks": few}, {"blocks": few, "max_tokens": 32}):
        drafter = ScriptedDrafter(model.vocab, seed=len(room), **habits)
        drafter.texts = {
            number: prompt + text(found)
            for number, ((prompt, _), found) in enumerate(zip(asked, expected, strict=True))
        }
        engine = Engine(Limited(model, **room), drafters=(drafter,), controller=eager(drafter))
        for one, other in zip(answers(engine, asked), expected, strict=True):
            assert [(event.token, event.finish_reason) for event in one] == [
                (event.token, event.finish_reason) for event in other
            ]
            for a, b in zip(one, other, strict=True):
                assert (a.logprob, a.top_logprobs) == (b.logprob, b.top_logprobs)
                np.testing.assert_array_equal(a.logits, b.logits)
                np.testing.assert_array_equal(a.scores, b.scores)
            preemptions += one[-1].stats.preemptions if one[-1].stats else 0
        assert drafter.proposed > 0 and not drafter.told
    return preemptions


@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.parametrize("habits", HABITS)
def test_answers_are_those_without_drafts(model: Model, temperature: float, habits: str) -> None:
    asked = [
        (prompt, SamplingParams(max_tokens=40, temperature=temperature, seed=seed, logprobs=2, keep_logits=True))
        for seed, prompt in enumerate(prompts(model))
    ]
    expected = [answers(Engine(model), [one])[0] for one in asked]
    preemptions = check(model, asked, expected, HABITS[habits])
    assert preemptions or model.cache.groups[0].window is not None  # what a prompt will need of windows is left to it


class Timed(Limited):
    """A model whose steps take as long each, so that the controller decides alike in every run."""

    def __init__(self, model: Model, **room: int) -> None:
        super().__init__(model, **room)
        self.clock = Clock()

    def run(self, step: Step) -> StepOutput:
        self.clock.now += 0.05
        return super().run(step)


@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.parametrize("eagerly", [False, True])
def test_answers_are_those_without_lookup(model: Model, temperature: float, eagerly: bool) -> None:
    """With few tokens to say, so that they come again."""
    likely = tuple((token, 50.0) for token in (3, 7, 8))
    asked = [
        (prompt, SamplingParams(max_tokens=60, temperature=temperature, logit_bias=likely, seed=seed, logprobs=2))
        for seed, prompt in enumerate(prompts(model))
    ]
    expected = [answers(Engine(model), [one])[0] for one in asked]
    accepted = 0
    for room in ({}, {"max_tokens": 9}):
        controller = Eager({PromptLookup.name: PromptLookup.chances}) if eagerly else None
        timed = Timed(model, **room)
        engine = Engine(timed, timed.clock, (PromptLookup(),), controller)
        for one, other in zip(answers(engine, asked), expected, strict=True):
            assert [(each.token, each.finish_reason, each.logprob, each.top_logprobs) for each in one] == [
                (each.token, each.finish_reason, each.logprob, each.top_logprobs) for each in other
            ]
        (count,) = engine.stats().drafts
        assert count.drafter == "lookup" and count.drafted >= count.accepted
        accepted += count.accepted
    assert accepted > 20


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_answers_are_those_without_other_chats(model: Model, temperature: float) -> None:
    """Each asked three times: what was answered before is guessed, with another seed wrongly."""
    asked = [
        (prompt, SamplingParams(max_tokens=40, temperature=temperature, seed=seed, logprobs=2, keep_logits=True))
        for prompt in prompts(model)
        for seed in (1, 1, 2)
    ]
    expected = [answers(Engine(model), [one])[0] for one in asked]  # all before, as engines of a model share its cache
    engine = Engine(model, drafters=(OtherChats(),), controller=Eager({OtherChats.name: OtherChats.chances}))
    for (prompt, params), plain in zip(asked, expected, strict=True):
        engine.submit(engine.request(prompt, params))
        events: list[TokenEvent] = []
        while engine.busy:
            events += engine.step()
            engine.check_integrity()
        assert [(each.token, each.finish_reason, each.logprob, each.top_logprobs) for each in events] == [
            (each.token, each.finish_reason, each.logprob, each.top_logprobs) for each in plain
        ]
        for one, other in zip(events, plain, strict=True):
            np.testing.assert_array_equal(one.logits, other.logits)
    (count,) = engine.stats().drafts
    assert count.accepted > 100


@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.parametrize("habits", HABITS)
def test_held_answers_are_those_without_drafts(builtin: Model, temperature: float, habits: str) -> None:
    tokenizer = Tokenizer.from_folder(builtin_model_path())
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "ages": {"type": "array", "maxItems": 3,
            "items": {"type": "integer"}}},
        "required": ["name", "ages"],
        "additionalProperties": False,
    }  # fmt: skip
    grammar = grammar_of({"type": "json_object", "schema": schema})
    assert grammar is not None
    structure = CompiledGrammar(grammar, tokenizer, builtin.vocab, (2,))
    space, comma = tokenizer.encode("a b", False)[0], tokenizer.encode(",", False)[0]
    thinking = ReasoningTokens((5,), comma, frozenset({1, 3, 4, 5}))
    wishes: list[dict[str, Any]] = [
        {"constraint": structure},
        {"constraint": AfterReasoning(thinking, structure, 5)},
        {"constraint": AfterReasoning(thinking, None, 3), "min_tokens": 10, "repetition_penalty": 1.2},
        {"no_repeat_ngram_size": 2, "presence_penalty": 0.4, "frequency_penalty": 0.3},
        {"bad_words": ((space,), (comma, space)), "min_tokens": 20, "top_k": 30, "begin_suppress_tokens": (space,)},
    ]
    prompt = [1, 4, *tokenizer.encode("Who are you? Tell me your name.", False), 2, 5]
    asked = [
        (
            prompt,
            SamplingParams(
                max_tokens=60, eos=(2,), temperature=temperature, seed=seed, logprobs=2, keep_scores=True, **wish
            ),
        )
        for seed, wish in enumerate(wishes)
    ]
    expected = [answers(Engine(builtin), [one])[0] for one in asked]
    assert all(found[-1].finish_reason in ("stop", "length") for found in expected)
    check(builtin, asked, expected, HABITS[habits])
