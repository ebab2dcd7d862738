"""Guessing with a model: a token for each of several sequences at a time, until no further one is worth its cost.

It knows a model, tokens and blocks; not whose weights those are, nor what is kept in the blocks besides.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from causerie.backends.step import Step
from causerie.decoding.drafting.drafter import Ask, Draft
from causerie.decoding.params import SamplingParams
from causerie.decoding.sampler import Drawing, Sampler
from causerie.engine import batch
from causerie.engine.plan import Plan, Work
from causerie.engine.request import Request
from causerie.models.model import StepModel

PROBABILITIES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97)
"""Guesses of probabilities between two of these speak alike."""
CHANCES = (0.2, 0.35, 0.45, 0.6, 0.7, 0.82, 0.92, 0.97)
"""Of guesses by their probability."""


_NOBODY = Request(-1, (), SamplingParams())  # of what is read without a draw
Features: TypeAlias = Callable[[int, int], NDArray[np.float32]]  # of positions from one to another: [positions, width]


@dataclass(slots=True)
class Guess:
    """One sequence that is guessed for: where the model keeps it, and what it has not read of it yet."""

    ask: Ask
    tables: tuple[array[int], ...]
    start: int  # the first position that is to be read
    ahead: int = 0  # by how many positions its tokens stand before those where they are read
    features: NDArray[np.float32] | None = None  # [positions, width] that are read beside the tokens, of a StateReader
    tokens: list[int] = field(default_factory=list)
    evidence: list[int] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)  # how likely each token is by the model
    survival: float = 1.0  # how likely all of them are right

    @property
    def draft(self) -> Draft:
        """What was guessed."""
        return Draft(self.tokens, self.evidence)


class Lockstep:
    """Of one model, for another one with `vocab` tokens. One that reads features beside its tokens reads, with each
    token that it has guessed, the hidden states that the guess was made with."""

    def __init__(self, model: StepModel, vocab: int) -> None:
        self._model = model
        self._vocab = vocab
        self._requests: dict[int, Request] = {}  # with parameters that look at nothing but logits and tokens

    def guess(self, guesses: Sequence[Guess]) -> None:
        """Guesses one token or more for each, up to what its ask wants. The noise is that of the real draws, so that
        guesses agree with them as often as they can."""
        sampler = Sampler(self._vocab)  # of this draft alone: what it remembers might not come true
        histories = {guess.ask.request: array("i", guess.ask.tokens) for guess in guesses}
        running = list(guesses)
        while running:
            works = [self._work(guess, histories[guess.ask.request]) for guess in running]
            rows = self._rows(self._run(running, works))
            drawings = [
                Drawing(work.request.id, work.request.params, guess.ask.prompt, histories[work.request.id], row)
                for row, (guess, work) in enumerate(zip(running, works, strict=True))
            ]
            going_on = []
            for row, guess, (drawn,) in zip(rows, running, sampler.draw(rows, drawings), strict=True):
                if drawn.error is None and self._take(guess, row, drawn.token):
                    histories[guess.ask.request].append(drawn.token)
                    going_on.append(guess)
            running = going_on

    def read(
        self,
        ask: Ask,
        tables: tuple[array[int], ...],
        start: int,
        end: int,
        *,
        ahead: int = 0,
        features: Features | None = None,
        model: StepModel | None = None,
    ) -> None:
        """Reads a sequence's positions from `start` on, without guessing, with its model or this one; `ahead` as in
        Guess."""
        model = model or self._model
        for first in range(start, end, model.max_tokens):
            last = min(first + model.max_tokens, end)
            tokens = array("i", ask.tokens[first + ahead : last + ahead])
            step = self._step((reading(_NOBODY, tokens, first, tables, ask.turned, 0),))
            model.run(step if features is None else replace(step, features=features(first, last)))

    def _run(self, guesses: Sequence[Guess], works: Sequence[Work]) -> NDArray[np.float32]:
        """Logits of the last token of each."""
        step = self._step(works)
        features = [guess.features for guess in guesses if guess.features is not None]
        if not features:
            return self._model.run(step).logits
        output = self._pass(guesses).run(replace(step, features=np.concatenate(features), state_rows=step.rows))
        for guess, state in zip(guesses, output.states, strict=True):
            guess.features = state[None]
        return output.logits

    def _step(self, works: Sequence[Work]) -> Step:
        return batch.build(Plan(tuple(works)))

    def _pass(self, guesses: Sequence[Guess]) -> StepModel:
        """What reads what these come to next."""
        return self._model

    def forget(self, request: int) -> None:
        """The request has ended."""
        self._requests.pop(request, None)

    def _work(self, guess: Guess, history: array[int]) -> Work:
        """The reading of what was guessed last, or before anything was, of what is not read yet."""
        start = len(history) - 1 - guess.ahead if guess.tokens else guess.start
        tokens = history[start + guess.ahead :]
        return reading(self._request(guess.ask), tokens, start, guess.tables, guess.ask.turned, 1)

    def _rows(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of the tokens of the other model: those beyond are none, those that are missing are never guessed."""
        missing = self._vocab - logits.shape[1]
        if missing <= 0:
            return logits[:, : self._vocab]
        return np.pad(logits, ((0, 0), (0, missing)), constant_values=-np.inf)

    def _take(self, guess: Guess, row: NDArray[np.float32], token: int) -> bool:
        """Adds a token; whether a further one is worth guessing."""
        ask = guess.ask
        confidence = float(1.0 / np.exp(row - row[token]).sum())
        kind = bisect_right(PROBABILITIES, confidence)
        guess.tokens.append(token)
        guess.evidence.append(kind)
        guess.confidences.append(confidence)
        guess.survival *= ask.rates[kind] if ask.rates else CHANCES[kind]
        ends = token in ask.params.eos and not ask.params.ignore_eos
        if ends or len(guess.tokens) >= ask.most or confidence < ask.params.least_confidence:
            return False
        return guess.survival >= ask.least

    def _request(self, ask: Ask) -> Request:
        request = self._requests.get(ask.request)
        if request is None:
            request = self._requests[ask.request] = Request(ask.request, (), _plain(ask.params))
        return request


def _plain(params: SamplingParams) -> SamplingParams:
    """The same draws without what cannot be taken back, and without reports."""
    silent = replace(params, logprobs=None, keep_logits=False, keep_scores=False, prompt_logits=False)
    return replace(silent, constraint=None, row_change=None)


def reading(
    request: Request, tokens: array[int], start: int, tables: tuple[array[int], ...], turned: int, wants: int
) -> Work:
    """These tokens at positions from `start` on; logits and states of the last `wants`."""
    return Work(request, tokens, start, tables, wants, wants, tokens, turned, 0, (-1, -1))
