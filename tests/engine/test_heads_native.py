"""The head that a checkpoint ships, as a drafter, on the native backend: answers are `==` those without it, and so is
what it guesses to what it would by reading the whole text anew, whatever shares its steps and wherever these cut a
text."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from causerie.decoding.drafting.drafter import Ask, Draft, ReadText, StateReader
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.params import SamplingParams
from causerie.engine.assistant.head_drafter import HeadDrafter
from causerie.engine.engine import Engine
from causerie.errors import Unsupported
from causerie.models.model import Model
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DraftHead
from tests.engine.scripted import eager

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

from causerie.models.model import give_heads
from tests.engine.test_assistants_native import Counting, asked_of, same
from tests.engine.test_drafting_native import answers, text
from tests.engine.test_exact_native import prompts
from tests.engine.test_witnesses import Tapped
from tests.kernels.decoders import Shape, build, make_step, random_weights, step_on

CASES = {
    "float32": ("float32", Shape(bias=True), "float32"),
    "kept in int8": ("bfloat16", Shape(qk_norm=True), "int8"),
    "experts": ("bfloat16", Shape(experts=5, active=2), "float32"),
    "windows": ("bfloat16", Shape(windows=(40, 17, None), layers=3), "float32"),
    "a window of its own": ("bfloat16", Shape(windows=(None, 17), layers=2), "float32"),
    "three heads": ("bfloat16", Shape(qk_norm=True), "float32"),
    "delta rule": ("bfloat16", Shape(delta=(2, 4, 16, 32, 4), layers=4), "float32"),
}


class Spy(HeadDrafter):
    """Notes what it was asked, and what it said."""

    def __init__(self, model: Model, counting: Counting | None = None) -> None:
        assert model.draft_head is not None
        super().__init__(counting or model.draft_head, model, len(model.spec.layers), model.further_heads)
        self.said: list[tuple[int, list[int], list[int]]] = []

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        drafts = super().propose(asks)
        self.said += [
            (ask.request, list(ask.tokens), list(draft.tokens)) for ask, draft in zip(asks, drafts, strict=True)
        ]
        return drafts


def with_head(spec: Decoder, keeps_all: bool = True, count: int = 1) -> Decoder:
    block = spec.layers[-1].with_attention(keeps_all=keeps_all)
    return replace(spec, draft_head=DraftHead(block, spec.norm, count))


def _model(case: str) -> Model:
    format, shape, cache = CASES[case]
    spec = with_head(shape.decoder(), count=3 if case == "three heads" else 1)
    made = build(spec, random_weights(spec, format), cache=cache)
    give_heads(made, 0)
    return made


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    made = _model(request.param)
    yield made
    made.close()


def anew(model: Model, tokens: list[int], count: int) -> list[int]:
    """What the head guesses to follow, having read all of a text at once."""
    head, blocks = model.draft_head, [20, 21, 22, 23]
    assert head is not None
    step = replace(step_on(model, [(tokens[:-1], 0, blocks)], rows=[]), tapped=True)
    taps = model.run(step).taps
    assert taps is not None
    features, guesses, at = taps[:, model.taps.index(len(model.spec.layers))], tokens[1:], 0
    if model.further_heads:
        for number, each in enumerate([head, *model.further_heads][:count]):
            step = make_step([(guesses[number:], 0, blocks)], rows=[len(tokens) - 2])
            guesses.append(int(each.run(replace(step, features=features)).logits[0].argmax()))
        return guesses[len(tokens) - 1 :]
    while len(guesses) < len(tokens) - 1 + count:
        step = make_step([(guesses[at:], at, blocks)], rows=[len(guesses) - at - 1])
        output = head.run(replace(step, features=features, state_rows=step.rows))
        at = len(guesses)
        guesses, features = [*guesses, int(output.logits[0].argmax())], output.states
    return guesses[len(tokens) - 1 :]


def test_answers_are_those_without_guesses(model: Model) -> None:
    asked = asked_of(model)
    expected = [answers(Engine(model), [one])[0] for one in asked]
    for room in ({}, {"max_tokens": 9}, {"blocks": 7}, {"blocks": 7, "max_tokens": 32, "slots": 8}):
        drafter = Spy(model)
        assert isinstance(drafter, StateReader)
        engine = Engine(Tapped(model, **room), drafters=(drafter,), controller=eager(drafter))
        same(answers(engine, asked), expected)
        (count,) = engine.stats().drafts
        assert count.drafter == "mtp" and count.drafted > 20


@pytest.mark.parametrize("room", [{}, {"max_tokens": 40}, {"max_tokens": 9}], ids=str)
def test_guesses_are_those_of_reading_the_whole_text_anew(model: Model, room: dict[str, int]) -> None:
    """Of texts that begin as no other one does, short ones and ones of several blocks, in one batch."""
    draw = np.random.default_rng(3)
    texts = [draw.integers(0, model.vocab, length).tolist() for length in (1, 31, 75, 2)]
    asked = [(tokens, SamplingParams(max_tokens=24)) for tokens in texts]
    drafter = Spy(model)
    engine = Engine(Tapped(model, **room), drafters=(drafter,), controller=eager(drafter))
    answers(engine, asked)
    assert len({request for request, _, draft in drafter.said if draft}) == 4
    drafts = [(tokens, draft) for _, tokens, draft in drafter.said]
    assert sum(map(len, (draft for _, draft in drafts))) > 100
    assert sum(not draft for _, draft in drafts) == 0
    for tokens, draft in drafts[::3]:
        assert draft == anew(model, tokens, len(draft))


def test_a_text_that_is_gone_on_with_is_guessed_as_if_it_were_read_anew(model: Model) -> None:
    """A second turn reads only what is new, behind what the first one left in the cache, its last block copied."""
    assert model.draft_head is not None
    counting = Counting(model.draft_head)
    drafter = Spy(model, counting)
    engine = Engine(Tapped(model), drafters=(drafter,), controller=eager(drafter))
    ask = SamplingParams(max_tokens=12)
    prompt = prompts(model)[0]
    first = prompt + text(answers(engine, [(prompt, ask)])[0])
    drafter.said, counting.rows = [], 0
    engine.submit(engine.request([*first, 1, 2, 3], ask))
    while engine.busy:
        engine.step()
    assert counting.rows < 150 and engine.stats().cached_tokens > 60
    assert len(drafter.said) > 3
    for _, tokens, draft in drafter.said:
        assert draft and draft == anew(model, tokens, len(draft))


def test_a_beginning_that_nobody_told_it_of_is_read_without_states(model: Model) -> None:
    """As where the beginning was read for somebody who wanted no guesses."""
    drafter = Spy(model)
    engine = Engine(Tapped(model), drafters=(drafter,), controller=eager(drafter))
    prompt = prompts(model)[0]
    silent = SamplingParams(max_tokens=6, drafters=())
    answers(engine, [(prompt, silent)])
    assert not drafter.said
    number = engine.submit(engine.request(prompt, SamplingParams(max_tokens=20)))
    tokens = []
    while engine.busy:
        tokens += [event.token for event in engine.step() if event.request == number]
    (expected,) = answers(Engine(model), [(prompt, SamplingParams(max_tokens=20))])
    assert tokens == text(expected)
    assert sum(len(draft) for _, _, draft in drafter.said) > 20


def test_a_text_that_it_is_told_of_in_pieces(model: Model) -> None:
    """Some of them once more, as where a draft was not wholly right, and one of them not at all."""
    tokens, last = prompts(model)[0][:60], len(model.spec.layers)
    drafter = Spy(model)
    model.tap((last,))
    taps = model.run(replace(step_on(model, [(tokens[:-1], 0, [20, 21])], rows=[]), tapped=True)).taps
    assert taps is not None
    group = next(place for place, each in enumerate(model.cache.groups) if each.window is None)
    tables = tuple(array("i", [20, 21] if place == group else []) for place in range(len(model.cache.groups)))

    def guesses(request: int, *pieces: tuple[int, int]) -> list[int]:
        for first, end in pieces:
            rows = taps[first:end][:, [model.taps.index(last)]]
            read = ReadText(request, tokens[first : end + 1], first, rows, array("i", tokens), tables, len(tokens))
            drafter.witness([read], ())
        ask = Ask(request, tokens, 3, params=SamplingParams(), prompt=len(tokens), tables=tables, turned=len(tokens))
        drafter.catch_up([ask])
        (draft,) = drafter.propose([ask])
        return list(draft.tokens)

    without = guesses(0, (0, 12), (30, 59))
    assert len(without) == 3  # which are not those of a text that is read with all that there is to tell
    expected = anew(model, tokens, 3)
    tables = tuple(array("i", [22, 23] if table else []) for table in tables)
    assert guesses(1, (0, 40), (40, 50), (47, 55), (44, 58), (58, 59)) == expected
    assert guesses(1, (58, 59)) == expected  # what it has read is there


def test_it_is_asked_where_lookup_has_nothing(model: Model) -> None:
    """Both drafters, with the controller that weighs them."""
    asked = asked_of(model)
    expected = [answers(Engine(model), [one])[0] for one in asked]
    engine = Engine(Tapped(model), drafters=(PromptLookup(), Spy(model)))
    same(answers(engine, asked), expected)


def test_a_head_that_looks_back_no_farther_than_a_window_says_so() -> None:
    spec = Shape(windows=(None, 40), layers=2).decoder()
    spec = with_head(spec, keeps_all=False)
    made = build(spec, random_weights(spec))
    give_heads(made, 0)
    assert made.draft_head is not None
    with pytest.raises(Unsupported, match="window"):
        HeadDrafter(made.draft_head, made, 2)
    made.close()


def test_a_head_that_knows_is_always_right() -> None:
    """Of a model in which a token alone decides what follows, and a head that decides alike."""
    spec = with_head(replace(Shape(layers=2).decoder(), tied=False))
    stored = random_weights(spec)
    for name, numbers in stored.items():
        if "norm" in name:
            numbers[:] = 1
        elif name.endswith((".o", ".down", "draft.state")):
            numbers[:] = 0
    stored["draft.token"] = np.eye(spec.width, dtype=np.float32)
    model = build(spec, stored)
    give_heads(model, 0)
    asked = [(prompt, SamplingParams(max_tokens=40)) for prompt in prompts(model)]
    expected = [answers(Engine(model), [one])[0] for one in asked]
    drafter = Spy(model)
    engine = Engine(Tapped(model), drafters=(drafter,), controller=eager(drafter))
    same(answers(engine, asked), expected)
    (count,) = engine.stats().drafts
    assert count.accepted == count.drafted > 150
    assert engine.stats().steps < 20
    model.close()
