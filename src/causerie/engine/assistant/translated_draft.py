"""Another model as a drafter, one that reads other tokens: what was said is translated into these, it guesses, and its
guess is translated back.

It keeps what it has read in a cache of its own, as one text has not as many tokens in both. How tokens are translated
is for somebody else to know; it knows no text.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from math import prod
from typing import Protocol

from causerie.backends.ops import BlockCount, CacheShape
from causerie.decoding.drafting.drafter import Ask, Draft
from causerie.decoding.params import SamplingParams
from causerie.engine.assistant.draft_model import check_attention
from causerie.engine.assistant.lockstep import CHANCES, PROBABILITIES, Guess, Lockstep
from causerie.engine.assistant.own_texts import OwnTexts
from causerie.models.model import StepModel
from causerie.spec.decoder import Decoder

_WITH_GUESS = 8  # tokens that have not been read, up to which they are read with the first guess
_OPEN = 0.4  # how often the last token of a guess is right that may be the beginning of a longer one
_CONTEXTS = 4  # texts as long as its context that a draft model has room for, where the model has room for as many


class Translation(Protocol):
    """One text as two vocabularies have it."""

    def grow(self, tokens: Sequence[int]) -> array[int]:
        """All of it in the draft's tokens, where the model's are `tokens`, which begin with those of the call before.
        The last of what was given before may be others now."""
        ...

    def back(self, guess: Sequence[int]) -> tuple[list[int], list[int], bool]:
        """How it goes on, by a guess in the draft's tokens, in the model's tokens; for each of these, how many of the
        guess begin before its end; and whether the last one is surely a whole one."""
        ...


class Translator(Protocol):
    """Between the tokens of a model and those of a draft model."""

    @property
    def ends(self) -> tuple[int, ...]:
        """The draft's tokens that a guess ends before."""
        ...

    def begin(self) -> Translation: ...


class TranslatedDraft:
    """A `GuessingDrafter`. It guesses the likeliest tokens, as noise is of no use to a guess in other tokens."""

    name = "draft"
    chances = (*CHANCES, _OPEN)

    def __init__(self, model: StepModel, translator: Translator) -> None:
        """`model` was loaded with a cache as `own_cache` gives it."""
        self._model = model
        self._translator = translator
        self._lockstep = Lockstep(model, model.vocab)
        self._translations: dict[int, Translation] = {}
        self._texts = OwnTexts(model.cache.groups[0].blocks, model.cache.block_size)
        self._tokens: dict[int, array[int]] = {}  # by request that can be guessed for in this step: all of its text

    def catch_up(self, asks: Sequence[Ask]) -> None:
        """Translates what is new, and reads it but for the last tokens."""
        least = max(1, min(_WITH_GUESS, self._model.max_tokens // max(len(asks), 1)))
        self._tokens = {}
        for ask in asks:
            tokens = self._translation(ask.request).grow(ask.tokens)
            most = min(ask.most, self._model.context - len(tokens))
            if not tokens or most < 1:
                continue
            text = self._texts.open(ask.request, tokens, len(tokens) + most)
            if text is None or max(tokens[len(text.tokens) :], default=0) >= self._model.vocab:
                continue
            start, end = len(text.tokens), len(tokens) - least
            if start < end:
                self._lockstep.read(self._own(ask, tokens, most), self._tables(ask.request), start, end)
                text.tokens.extend(tokens[start:end])
            self._tokens[ask.request] = tokens

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        """See Drafter."""
        guesses: dict[int, Guess] = {}
        for ask in asks:
            tokens = self._tokens.get(ask.request)
            if tokens is not None:
                text = self._texts.of(ask.request)
                start = min(len(text.tokens), len(tokens) - 1)
                del text.tokens[start:]
                most = min(ask.most, self._model.context - len(tokens))
                guesses[ask.request] = Guess(self._own(ask, tokens, most), self._tables(ask.request), start)
        self._lockstep.guess(list(guesses.values()))
        for request, guess in guesses.items():
            self._texts.of(request).tokens.extend([*guess.ask.tokens[guess.start :], *guess.tokens[:-1]])
        return [self._draft(ask, guesses[ask.request]) if ask.request in guesses else Draft() for ask in asks]

    def forget(self, request: int) -> None:
        """See Drafter."""
        self._lockstep.forget(request)
        self._translations.pop(request, None)
        self._texts.close(request)

    def _draft(self, ask: Ask, guess: Guess) -> Draft:
        """The guess in the model's tokens. A token is as likely as those together that begin in it."""
        tokens, counts, whole = self._translations[ask.request].back(guess.tokens)
        evidence = [
            bisect_right(PROBABILITIES, prod(guess.confidences[before:count]))
            for before, count in zip([0, *counts], counts, strict=False)
        ]
        if tokens and not whole:
            evidence[-1] = len(CHANCES)
        return Draft(tokens[: ask.most], evidence[: ask.most])

    def _own(self, ask: Ask, tokens: array[int], most: int) -> Ask:
        """What is asked, in its own tokens."""
        params = SamplingParams(eos=self._translator.ends, least_confidence=ask.params.least_confidence)
        return ask._replace(tokens=tokens, most=most, params=params, prompt=len(tokens), tables=(), turned=0)

    def _tables(self, request: int) -> tuple[array[int], ...]:
        return (self._texts.of(request).table,) * len(self._model.cache.groups)

    def _translation(self, request: int) -> Translation:
        translation = self._translations.get(request)
        if translation is None:
            translation = self._translations[request] = self._translator.begin()
        return translation


def own_cache(target: CacheShape, spec: Decoder, dtype: str) -> CacheShape:
    """The cache of a draft model of `spec`, kept in `dtype`, beside that of a `target` with other tokens. Raises
    Unsupported where there can be none."""
    check_attention(spec)
    size = target.block_size
    most = _CONTEXTS * -(-spec.context // size)
    blocks = min([most, *(group.blocks for group in target.groups if group.window is None)])
    return CacheShape(tuple(BlockCount(blocks, group.window) for group in spec.page_groups), size, dtype)
