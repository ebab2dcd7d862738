"""Models that guess in other tokens, under random traffic: every request ends as it does without them, and what they
read in their own cache is the text as they read it, which the scripted models check in every step."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.backends.ops import BlockCount, CacheShape
from causerie.decoding.params import SamplingParams
from causerie.engine.assistant.draft_model import DraftModel
from causerie.engine.assistant.own_texts import OwnTexts
from causerie.engine.assistant.translated_draft import TranslatedDraft, own_cache
from causerie.engine.engine import Engine
from causerie.errors import Unsupported
from tests.engine.scripted import ScriptedModel, eager
from tests.engine.test_assistants import TRAFFIC, near, scripts
from tests.engine.test_traffic import Traffic, models, play, run
from tests.kernels.decoders import Shape

_RUNS = ((0, 1), (1, 2), (2, 2), (3, 0))  # of digits, that are one token to the draft


@dataclass
class Digits:
    """A token of the model is two digits to the base of 4, and one of the draft is a digit or one of some pairs, so
    that what comes changes the last one and may make all others fall otherwise."""

    ends: tuple[int, ...] = (3,)
    tokens: list[int] = field(default_factory=list)

    def begin(self) -> Digits:
        return replace(self, tokens=[])

    def grow(self, tokens: Sequence[int]) -> array[int]:
        assert list(tokens[: len(self.tokens)]) == self.tokens
        self.tokens = list(tokens)
        digits = [digit for token in tokens for digit in divmod(token, 4)]
        made, place = array("i"), 0
        while place < len(digits):
            pair = tuple(digits[place : place + 2])
            made.append(4 + _RUNS.index(pair) if pair in _RUNS else digits[place])
            place += 1 + (pair in _RUNS)
        return made

    def back(self, guess: Sequence[int]) -> tuple[list[int], list[int], bool]:
        spelled = [_RUNS[token - 4] if token >= 4 else (token,) for token in guess]
        digits = [digit for digits in spelled for digit in digits]
        begins = np.cumsum([0, *map(len, spelled)])[:-1]
        pairs = [4 * one + other for one, other in zip(digits[::2], digits[1::2], strict=False)]
        tokens = pairs[: next((place for place, token in enumerate(pairs) if token > 11), None)]
        return tokens, [int((begins < 2 * place + 2).sum()) for place in range(len(tokens))], bool(len(guess) % 2)


@dataclass
class Alike:
    """The same tokens in both."""

    ends: tuple[int, ...] = ()

    def begin(self) -> Alike:
        return self

    def grow(self, tokens: Sequence[int]) -> array[int]:
        return array("i", tokens)

    def back(self, guess: Sequence[int]) -> tuple[list[int], list[int], bool]:
        return list(guess), list(range(1, len(guess) + 1)), True


@TRAFFIC
@given(
    models,
    scripts,
    st.one_of(st.none(), st.sampled_from([0.0, 1.0])),
    st.integers(6, 60),
    st.integers(1, 30),
)
def test_with_a_translated_draft_every_request_ends_as_it_does_without(
    model: ScriptedModel,
    script: list[tuple],
    noise: float | None,
    context: int,
    blocks: int,
) -> None:
    draft = ScriptedModel(
        vocab=8 if noise is None else model.vocab,
        context=context,
        blocks=blocks,
        block_size=model.block_size,
        max_tokens=24,
    )
    if noise is not None:
        draft.table = near(model, noise)
    drafter = TranslatedDraft(draft, Digits() if noise is None else Alike())
    traffic = Traffic(model, None, eager(drafter), drafter)
    run(traffic, lambda: play(traffic, script))
    assert not drafter._lockstep._requests and not drafter._translations, "ended requests are remembered"
    drafter._texts.check_integrity()
    assert not drafter._texts._running


def test_with_the_same_tokens_it_proposes_what_a_plain_draft_model_does() -> None:
    model = ScriptedModel(vocab=12, context=200, blocks=80)
    asked = [([1, 2, 3], SamplingParams(max_tokens=30)), ([4, 5, 6, 7, 8, 9], SamplingParams(max_tokens=40))]
    counts = []
    for translated in (False, True):
        draft = replace(model, max_tokens=32, rows_run=0)
        draft.table = near(model, 1.0)
        drafter = TranslatedDraft(draft, Alike()) if translated else DraftModel(draft, model)
        proposals = []
        propose = drafter.propose

        def noted(asks, propose=propose, proposals=proposals):  # type: ignore[no-untyped-def]
            drafts = propose(asks)
            proposals += [(ask.request, len(ask.tokens), list(draft.tokens), list(draft.evidence))
                          for ask, draft in zip(asks, drafts, strict=True)]  # fmt: skip
            return drafts

        drafter.propose = noted  # type: ignore[method-assign]
        engine = Engine(model, drafters=(drafter,), controller=eager(drafter))
        for one in asked:
            engine.submit(engine.request(*one))
        while engine.busy:
            engine.step()
        counts.append((proposals, draft.rows_run))
        (count,) = engine.stats().drafts
        assert 20 < count.accepted < count.drafted
    assert counts[0] == counts[1]


def test_what_begins_alike_is_read_once() -> None:
    """A second turn, somebody else's chat, and several answers to one prompt."""
    model = ScriptedModel(vocab=12, context=300, blocks=100)
    draft = replace(model, max_tokens=32, vocab=8)
    drafter = TranslatedDraft(draft, Digits())
    engine = Engine(model, drafters=(drafter,), controller=eager(drafter))
    tokens = [Random(4).randrange(12) for _ in range(60)]
    whole = len(Digits().grow(tokens))
    for beginnings, most in (([tokens], whole + 70), ([[*tokens, 1, 2, 3]], 70), (3 * [[*tokens[:50], 7]], 200)):
        draft.rows_run = 0
        for beginning in beginnings:
            engine.submit(engine.request(beginning, SamplingParams(max_tokens=6)))
        while engine.busy:
            engine.step()
        assert 0 < draft.rows_run < most
        drafter._texts.check_integrity()


def test_texts_of_ended_requests_make_room_the_oldest_first() -> None:
    texts = OwnTexts(blocks=6, size=4)
    for request, first in enumerate((1, 2, 3)):
        text = texts.open(request, [first] * 7, 8)
        assert text is not None and len(text.table) == 2
        text.tokens.extend([first] * 7)
    assert texts.open(3, [4] * 3, 4) is None, "those that run keep their blocks"
    texts.close(1)
    texts.close(0)
    assert texts.open(3, [4] * 3, 4) is not None
    texts.check_integrity()
    for request, first, length in ((4, 1, 4), (5, 2, 0)):  # the younger one is shared; what the oldest had is gone
        text = texts.open(request, [first] * 7, 4)
        assert text is not None and len(text.tokens) == length
        texts.check_integrity()
        texts.close(request)
    for request in (2, 3, 99):
        texts.close(request)
    assert not texts._running
    texts.check_integrity()


def test_a_block_that_is_shared_is_not_written() -> None:
    texts = OwnTexts(blocks=20, size=4)
    first = texts.open(0, [1] * 12, 16)
    assert first is not None
    first.tokens.extend([1] * 12)
    second = texts.open(1, [1] * 12, 16)
    assert second is not None and second.table[:2] == first.table[:2] and len(second.tokens) == 8
    assert not set(second.table[2:]) & set(first.table), "the block of the last token is left to who has it"
    texts.check_integrity()
    again = texts.open(0, [1, 1, 1, 1, 1, 2], 16)
    assert again is first and list(first.tokens) == [1] * 4 and set(first.table) & set(second.table) == {first.table[0]}
    texts.check_integrity()


def test_the_cache_of_a_draft_with_other_tokens() -> None:
    spec, size = Shape().decoder(), 32
    most = 4 * -(-spec.context // size)
    for groups, blocks in (
        ((BlockCount(8),), 8),
        ((BlockCount(10**6),), most),
        ((BlockCount(3, 40),), most),
        ((BlockCount(8), BlockCount(3, 40)), 8),
    ):
        assert own_cache(CacheShape(groups, size, "float32"), spec, "bfloat16").groups == (BlockCount(blocks),)
    with pytest.raises(Unsupported, match="3 layers of this test model remember in a state"):
        own_cache(CacheShape((BlockCount(8),), size, "float32"), Shape(taps=3, layers=5).decoder(), "bfloat16")


def test_tokens_that_the_draft_model_lacks_are_not_read() -> None:
    model = ScriptedModel(vocab=12, context=200, blocks=80)
    draft = replace(model, max_tokens=32, vocab=6)
    run_step, read = draft.run, []

    def noted(step):  # type: ignore[no-untyped-def]
        read.append(int(step.tokens.max()))
        return run_step(step)

    draft.run = noted  # type: ignore[method-assign]
    drafter = TranslatedDraft(draft, Digits())
    engine = Engine(model, drafters=(drafter,), controller=eager(drafter))
    for beginning in ([1, 4, 0], [3, 0, 10]):  # the second has a pair that is token 6, or 7
        engine.submit(engine.request(beginning, SamplingParams(max_tokens=60)))
    while engine.busy:
        engine.step()
    assert read and max(read) < 6 <= max(Digits().grow(range(12)))
