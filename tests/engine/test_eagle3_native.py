"""An EAGLE3 head that guesses in an engine, on the native backend, by `==`: answers are those without guesses, and its
guesses are those that it makes where it reads the whole text at once, with what the model's layers made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import pytest

from causerie.decoding.drafting.drafter import Ask, Draft, StateReader
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.models.eagle3_passes import guessing, reading
from causerie.models.model import Model
from causerie.spec.eagle3 import Eagle3, PairedLayer

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

from causerie.engine.assistant.draft_model import cache_for
from causerie.engine.assistant.eagle3 import Eagle3Drafter
from tests.engine.scripted import eager
from tests.engine.test_assistants_native import asked_of, same
from tests.engine.test_drafting_native import answers, text
from tests.engine.test_exact_native import prompts
from tests.engine.test_witnesses import Tapped
from tests.kernels.decoders import Shape, build, random_weights, step_on

CASES = {
    "float32": ("float32", Shape(layers=3), "float32", 1),
    "bfloat16": ("bfloat16", Shape(qk_norm=True, layers=3), "bfloat16", 1),
    "two layers": ("bfloat16", Shape(layers=3), "int8", 2),
    "windows": ("bfloat16", Shape(windows=(None, 40, 17), layers=3), "float32", 1),
    "delta rule": ("bfloat16", Shape(delta=(2, 4, 16, 32, 4), layers=3), "float32", 1),
    "experts": ("bfloat16", Shape(experts=5, active=2, layers=3), "float32", 1),
}
TAPS = (2, 0, 1)
GUESSED = 90


@dataclass
class Pair:
    """A model and a head beside it, and a second head whose cache is for the tests."""

    model: Model
    head: tuple[Model, Model]
    apart: tuple[Model, Model]
    tokens: np.ndarray

    def drafter(self, seen: Model | Tapped) -> Eagle3Drafter:
        return Eagle3Drafter(*self.head, TAPS, self.tokens, seen)

    def guesses(self, tokens: Sequence[int], most: int, untold: int = 0, fork: tuple[int, int] = (0, -1)) -> list[int]:
        """The likeliest ones behind a text that is read at once; of its first tokens as if layers made nothing, and at
        the place of a `fork` as if the other text's token followed there."""
        table, text = [5, 6, 7, 8, 9], list(tokens)
        step = step_on(self.model, [(text[:-1], 0, table)], rows=[])
        taps = self.model.run(replace(step, tapped=True)).taps
        assert taps is not None
        rows = taps[:, [self.model.taps.index(tap) for tap in TAPS]].reshape(len(text) - 1, -1)
        rows[:untold] = 0.0
        found: list[int] = []
        following = text[1:]
        following[fork[0]] = following[fork[0]] if fork[1] < 0 else fork[1]
        work, head = (following, 0, table), self.apart[0]
        while len(found) < most:
            step = step_on(head, [work], rows=[len(work[0]) - 1])
            output = head.run(replace(step, features=rows, state_rows=step.rows))
            found.append(int(self.tokens[output.logits[0].argmax()]))
            work, rows, head = ([found[-1]], len(text) + len(found) - 2, table), output.states, self.apart[1]
        return found


def _head(spec: Eagle3, cache: str, target: Model, most: int) -> tuple[Model, Model]:
    first = build(spec, random_weights(spec, seed=3), cache=cache, forward=reading, max_tokens=most)
    first.cache = cache_for(target.cache, spec, cache)
    return first, replace(first, executable=first.executable.beside(guessing, most))  # type: ignore[attr-defined]


def _pair(case: str) -> Pair:
    format, shape, cache, layers = CASES[case]
    spec = shape.decoder()
    model = build(spec, random_weights(spec, format), cache=cache)
    whole = Shape(vocab=spec.vocab, width=64, heads=4, head_dim=16, layers=layers, tied=False).decoder()
    first, *others = whole.layers
    paired = PairedLayer(**{each.name: getattr(first, each.name) for each in fields(first)})
    whole = replace(whole, layers=(paired, *others))
    own = {"guessed": GUESSED, "taps": TAPS, "tapped_width": spec.width}
    head = Eagle3(**{each.name: getattr(whole, each.name) for each in fields(whole)}, **own)
    tokens = np.sort(np.random.default_rng(4).permutation(spec.vocab)[:GUESSED])
    return Pair(model, _head(head, cache, model, 64), _head(head, cache, model, 256), tokens)


@pytest.fixture(scope="module", params=CASES)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    made = _pair(request.param)
    yield made
    for model in (*made.head, *made.apart, made.model):
        model.close()


@dataclass
class Noting:
    """A drafter whose proposals are written down, with the texts that they are for."""

    drafter: Eagle3Drafter
    proposals: list[tuple[list[int], list[int]]] = field(default_factory=list)

    name = Eagle3Drafter.name
    chances = Eagle3Drafter.chances
    taps = property(lambda self: self.drafter.taps)

    def __post_init__(self) -> None:
        self.witness, self.catch_up, self.forget = self.drafter.witness, self.drafter.catch_up, self.drafter.forget

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        drafts = self.drafter.propose(asks)
        self.proposals += [(list(ask.tokens), list(draft.tokens)) for ask, draft in zip(asks, drafts, strict=True)]
        return drafts


def test_answers_are_those_without_guesses(pair: Pair) -> None:
    asked = asked_of(pair.model)
    expected = [answers(Engine(pair.model), [one])[0] for one in asked]
    longest = max(len(prompt) + len(text(found)) for (prompt, _), found in zip(asked, expected, strict=True))
    few = -(-longest // pair.model.cache.block_size) + 1
    for room in ({}, {"max_tokens": 9}, {"blocks": few}, {"blocks": few, "max_tokens": 32}):
        seen = Tapped(pair.model, **room)
        drafter = pair.drafter(seen)  # type: ignore[arg-type]
        assert isinstance(drafter, StateReader)
        engine = Engine(seen, drafters=(drafter,), controller=eager(drafter))
        same(answers(engine, asked), expected)
        (count,) = engine.stats().drafts
        assert count.drafted > 20
    engine = Engine(pair.model, drafters=(PromptLookup(), pair.drafter(pair.model)))
    same(answers(engine, asked), expected)


@pytest.mark.parametrize("chunk", [256, 9])
def test_guesses_are_those_of_the_whole_text(pair: Pair, chunk: int) -> None:
    """Of texts that begin alike too, where blocks are shared and copied, and of a second turn."""
    note = Noting(pair.drafter(pair.model))
    engine = Engine(Tapped(pair.model, max_tokens=chunk), drafters=(note,), controller=eager(note))
    first, short, other, *_ = prompts(pair.model)
    ask = SamplingParams(max_tokens=30, most_drafted=4)
    asked = [(first, ask), (short, ask), (other, ask), (other, ask)]
    asked += [(first, replace(ask, temperature=1.0, seed=seed)) for seed in range(2)]
    turns = [prompt + text(found) for (prompt, _), found in zip(asked, answers(engine, asked), strict=True)]
    for turn in turns:
        engine.submit(engine.request([*turn, 3, 4, 5], ask))
        while engine.busy:
            engine.step()
    greedy = [each for each in note.proposals if each[0][: len(first)] != first or each[0][: len(turns[0])] == turns[0]]
    assert len(greedy) > 50 and sum(len(draft) for _, draft in greedy) > 2 * len(greedy)
    for tokens, draft in greedy:
        assert draft == pair.guesses(tokens, len(draft))


def test_what_was_never_told_is_read_as_if_it_were_nothing(pair: Pair) -> None:
    note = Noting(pair.drafter(pair.model))
    engine = Engine(Tapped(pair.model), drafters=(note,), controller=eager(note))
    prompt = prompts(pair.model)[0]
    plain = SamplingParams(max_tokens=20, drafters=())
    turn = prompt + text(answers(engine, [(prompt, plain)])[0])
    assert not note.proposals
    cached = []
    for _ in range(2):
        turn += [3, 4, 5]
        engine.submit(engine.request(turn, SamplingParams(max_tokens=20, most_drafted=4)))
        while engine.busy:
            events = engine.step()
            turn += text(events)
            cached += [event.stats.cached_tokens for event in events if event.stats is not None]
    assert len(note.proposals) > 16 and 60 < cached[0] < cached[1] < len(turn)
    for tokens, draft in note.proposals:
        assert draft == pair.guesses(tokens, len(draft), cached[0])
