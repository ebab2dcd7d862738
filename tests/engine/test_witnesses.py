"""What drafters are told that go by what the model makes of tokens: of each token of an answer, of its prompt, and of
no other one, the same bits as where the whole text is read at once. And no answer changes by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.decoding.drafting.drafter import Ask, ReadText, StateReader
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.errors import Unsupported
from causerie.models.model import Model
from tests.engine.scripted import ScriptedDrafter, ScriptedModel, eager

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

from tests.engine.test_assistants_native import same
from tests.engine.test_drafting_native import answers, text
from tests.engine.test_exact_native import Limited, prompts
from tests.kernels.decoders import Shape, build, random_weights, step_on

CASES = {
    "bfloat16": ("bfloat16", Shape(qk_norm=True)),
    "experts": ("bfloat16", Shape(experts=5, active=2)),
    "windows": ("bfloat16", Shape(windows=(None, 40, 17), layers=3)),
    "delta rule": ("bfloat16", Shape(delta=(2, 4, 16, 32, 4), layers=3)),
}


class Tapped(Limited):
    """A model that shows less room than it has, and its taps."""

    taps = property(lambda self: self.model.taps)

    def tap(self, places: Sequence[int]) -> None:
        self.model.tap(places)


@dataclass
class Witness(ScriptedDrafter):
    """Keeps what it is told, and guesses as its kind does."""

    taps: tuple[int, ...] = (1,)
    rows: dict[int, dict[int, tuple[int, NDArray[np.float32]]]] = field(default_factory=dict)
    nexts: dict[int, dict[int, int]] = field(default_factory=dict)
    breaks: bool = False

    def catch_up(self, asks: Sequence[Ask]) -> None:
        if not self.breaks:
            assert all(len(ask.tokens) - 1 in self.nexts[ask.request] for ask in asks)

    def witness(self, texts: Sequence[ReadText], copies: Sequence[Sequence[tuple[int, int]]]) -> None:
        if self.breaks:
            raise RuntimeError("scripted failure")
        for each in texts:
            own, nexts = (kind.setdefault(each.request, {}) for kind in (self.rows, self.nexts))
            positions = range(each.start, each.start + len(each.states))
            for at, token, row in zip(positions, each.tokens, each.states, strict=False):
                own[at] = token, row
            assert len(each.tokens) - len(each.states) == 1
            nexts |= dict(zip(range(each.start + 1, positions.stop + 1), each.tokens[1:], strict=True))


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    format, shape = CASES[request.param]
    made = build(shape.decoder(), random_weights(shape.decoder(), format))
    yield made
    made.close()


@pytest.mark.parametrize("right", [1.0, 0.7, 0.0])
def test_what_is_told_is_of_the_text_and_of_all_of_it(model: Model, right: float) -> None:
    asked = [
        (prompt, SamplingParams(max_tokens=24, temperature=0.8 * (seed % 2), seed=seed, keep_logits=True))
        for seed, prompt in enumerate(prompts(model))
    ]
    plain = [answers(Engine(model), [one])[0] for one in asked]
    texts = [prompt + text(events) for (prompt, _), events in zip(asked, plain, strict=True)]
    last = len(model.spec.layers)
    for taps, room in (((last,), {}), ((0, 1), {"max_tokens": 9}), ((1, last), {"blocks": 8, "slots": 6})):
        witness = Witness(model.vocab, right, longest=5, texts=dict(enumerate(texts)), taps=taps)
        assert isinstance(witness, StateReader)
        engine = Engine(Tapped(model, **room), drafters=(witness,), controller=eager(witness))
        found = answers(engine, asked)
        same(found, plain)
        for number, whole in enumerate(texts):
            step = step_on(model, [(whole[:-1], 0, [20, 21, 22, 23])], rows=[])
            expected = model.run(replace(step, tapped=True)).taps
            assert expected is not None
            columns = [model.taps.index(place) for place in taps]
            for at, (token, row) in witness.rows[number].items():
                assert token == whole[at]
                np.testing.assert_array_equal(row, expected[at, columns])
            assert all(whole[at] == token for at, token in witness.nexts[number].items())
            stats = found[number][-1].stats
            first = 0 if stats is None else stats.cached_tokens  # what is in the cache when it begins is not read again
            assert sorted(witness.rows[number]) == list(range(first, len(whole) - 1))


def test_requests_that_do_not_ask_for_its_drafts_are_not_told(model: Model) -> None:
    last = len(model.spec.layers)
    witness = Witness(model.vocab, taps=(last,), breaks=True)
    engine = Engine(Tapped(model), drafters=(witness,), controller=eager(witness))
    (events,) = answers(engine, [(prompts(model)[0], SamplingParams(max_tokens=5, drafters=()))])
    assert [event.error for event in events] == [None] * 5


def test_a_fault_ends_the_requests_that_it_was_told_of(model: Model) -> None:
    witness = Witness(model.vocab, taps=(1,), breaks=True)
    engine = Engine(Tapped(model), drafters=(witness,), controller=eager(witness))
    ask = SamplingParams(max_tokens=5)
    broken, whole = answers(engine, [(prompts(model)[0], ask), ([1, 2, 3], replace(ask, drafters=()))])
    assert [event.error for event in whole] == [None] * 5
    assert broken[-1].error is not None and "RuntimeError: scripted failure" in broken[-1].error


def test_a_model_that_does_not_tell_has_no_such_drafters() -> None:
    with pytest.raises(Unsupported, match="does not tell"):
        Engine(ScriptedModel(), drafters=(Witness(100),))
    engine = Engine(ScriptedModel(), drafters=(ScriptedDrafter(100),))
    with pytest.raises(Unsupported, match="does not tell"):
        engine.adopt(Witness(100, name="another"), True)
