"""Beam search, as transformers 5.23 does it: of the likeliest continuations of a prompt's beams the best go on, and
those that ended are kept by their score. It asks for one token of every beam at a time; beams of a prompt share what is
read of it.

Knows no engine, only a function that gives logits.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.generation.outputs import log_softmax
from causerie.api.generation.resolution import Generation
from causerie.decoding.params import SamplingParams
from causerie.decoding.sampler import RequestSampler
from causerie.errors import Unsupported, UsageError

Scores = NDArray[np.float32]
Ended = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Which rows of ids [rows, tokens], the prompt included, the caller's criteria end."""
NextLogits = Callable[[list[list[int]]], list[Scores]]
"""The logits [vocab] of the token that follows each of these texts."""

_NEVER = np.float32(-1e9)  # the field's score of what may not be taken


@dataclass(frozen=True)
class BeamFlags:
    """How many beams, and when and by what they end."""

    beams: int
    length_penalty: float = 1.0  # scores are divided by the answer's length to this power
    early_stopping: bool | str = False  # True: as soon as all beams have ended; "never": not before none can be better

    @staticmethod
    def read(flags: dict[str, Any]) -> BeamFlags | None:
        """Those among the flags of a call, which are taken out of it; None where it asks for no beams. Raises
        UsageError."""
        beams = flags.get("num_beams")
        if beams is None or beams == 1:
            return None
        if not isinstance(beams, int) or isinstance(beams, bool) or beams < 1:
            raise UsageError(f"num_beams is {beams!r}; expected a whole number of at least 1.", field="num_beams")
        penalty, stopping = flags.pop("length_penalty", None), flags.pop("early_stopping", None)
        penalty = 1.0 if penalty is None else penalty
        if not isinstance(penalty, int | float):
            raise UsageError(f"length_penalty is {penalty!r}; expected a number.", field="length_penalty")
        if stopping not in (None, True, False, "never"):
            raise UsageError(
                f"early_stopping is {stopping!r}; expected True, False or 'never'.", field="early_stopping"
            )
        flags["num_beams"] = 1  # also speaks for what a checkpoint's file says
        return BeamFlags(beams, float(penalty), stopping or False)

    def check(self, plan: Generation, sequences: int) -> None:
        """Raises UsageError and Unsupported for what does not go with beams."""
        if not plan.params.greedy:
            raise Unsupported(f"num_beams={self.beams} draws nothing at random here; pass do_sample=False beside it.")
        if sequences > self.beams:
            raise UsageError(
                f"num_return_sequences is {sequences} and num_beams {self.beams}; there is one answer for each beam at "
                "most.",
                field="num_return_sequences",
            )
        if plan.repetition_detection or plan.params.logprobs is not None:
            raise UsageError("repetition_detection and logprobs are not told of beams; leave them out, or num_beams.")


@dataclass
class BeamAnswer:
    """One of a prompt's best answers."""

    tokens: list[int]
    score: float  # sum of log-probabilities over length to the length_penalty


class PromptBeams:
    """The beams of one prompt. `row` is the prompt as it came, padding included."""

    def __init__(
        self, row: Sequence[int], tokens: Sequence[int], params: SamplingParams, flags: BeamFlags, ended: Ended | None
    ) -> None:
        assert params.max_tokens is not None  # a plan always has a length
        self.live = True
        self.scores: list[Scores] = []  # of each step [beams, vocab], log-probabilities after all filters
        self.logits: list[Scores] = []
        self._row, self._tokens, self._params, self._flags, self._ended = row, list(tokens), params, flags, ended
        self._longest = params.max_tokens
        self._running: list[list[int]] = [[] for _ in range(flags.beams)]
        # The first beam alone counts at the beginning, as all are the same.
        self._sums = np.array([0.0] + [_NEVER] * (flags.beams - 1), dtype=np.float32)
        self._best: list[list[int]] = [[] for _ in range(flags.beams)]
        self._best_scores = np.full(flags.beams, _NEVER, dtype=np.float32)
        self._is_ended = np.zeros(flags.beams, dtype=bool)

    @property
    def texts(self) -> list[list[int]]:
        """The tokens of the prompt and each running beam."""
        return [self._tokens + answer for answer in self._running]

    def best(self, number: int) -> list[BeamAnswer]:
        """The best answers."""
        return [BeamAnswer(self._best[i], float(self._best_scores[i])) for i in range(number)]

    def step(self, logits: Sequence[Scores]) -> None:
        """Goes on by one token, given the logits after each of `texts`."""
        rows = np.stack([self._filtered(row, text) for row, text in zip(logits, self.texts, strict=True)])
        if self._params.keep_scores:
            self.scores.append(rows)
        if self._params.keep_logits:
            self.logits.append(np.stack(logits))
        sums = (rows + self._sums[:, None]).ravel()
        places = _largest(sums, max(2, 1 + len(self._params.eos)) * self._flags.beams)
        answers = [[*self._running[place // rows.shape[1]], int(place % rows.shape[1])] for place in places.tolist()]
        hits, sums = self._hits(answers), sums[places]
        self._go_on(answers, sums, hits)
        self._take_ended(answers, sums, hits)
        self._judge(len(answers[0]), bool(hits.all()))

    def _filtered(self, row: Scores, text: list[int]) -> Scores:
        """Filters change log-probabilities here, and logits elsewhere, as in the field."""
        sampler = RequestSampler(self._params, len(row), len(self._tokens))
        return sampler.filtered(log_softmax(row), array("i", text))

    def _hits(self, answers: list[list[int]]) -> NDArray[np.bool_]:
        hits = np.array([each[-1] in self._params.eos or len(each) >= self._longest for each in answers])
        if self._ended is not None:
            hits |= self._ended(np.array([[*self._row, *each] for each in answers], dtype=np.int64))
        return hits

    def _go_on(self, answers: list[list[int]], sums: Scores, hits: NDArray[np.bool_]) -> None:
        sums = sums + hits.astype(np.float32) * _NEVER
        places = _largest(sums, self._flags.beams)
        self._running, self._sums = [answers[place] for place in places.tolist()], sums[places]

    def _take_ended(self, answers: list[list[int]], sums: Scores, hits: NDArray[np.bool_]) -> None:
        """Keeps the best of what has ended so far; further ones than the first `beams` are only there to go on."""
        beams = self._flags.beams
        ended = hits & (np.arange(len(hits)) < beams)
        scores = sums / np.float32(len(answers[0]) ** self._flags.length_penalty)
        scores = scores + (~ended).astype(np.float32) * _NEVER
        merged = np.concatenate([self._best_scores, scores])
        places = _largest(merged, beams)
        self._best = [(self._best + answers)[place] for place in places.tolist()]
        self._best_scores = merged[places]
        self._is_ended = np.concatenate([self._is_ended, ended])[places]

    def _judge(self, length: int, nothing_runs: bool) -> None:
        """Whether a running beam may still become better than the worst that is kept."""
        flags = self._flags
        if flags.early_stopping == "never" and flags.length_penalty > 0.0:
            length = self._longest
        possible = self._sums[0] / np.float32(length**flags.length_penalty)
        worst = np.where(self._is_ended, self._best_scores.min(), _NEVER)
        improves = bool((possible > worst).any())
        is_enough = bool(self._is_ended.all()) and flags.early_stopping is True
        self.live = improves and not is_enough and not nothing_runs


def search(prompts: Sequence[PromptBeams], next_logits: NextLogits) -> None:
    """Goes on with all prompts together until none can become better."""
    while running := [prompt for prompt in prompts if prompt.live]:
        texts = [prompt.texts for prompt in running]
        rows = iter(next_logits(list(chain.from_iterable(texts))))
        for prompt, own in zip(running, texts, strict=True):
            prompt.step(list(islice(rows, len(own))))


def _largest(values: Scores, number: int) -> NDArray[np.intp]:
    """Places of the largest, the first of equals first."""
    if number * 4 < len(values):
        edge = np.partition(values, len(values) - number)[len(values) - number]
        places = np.flatnonzero(values >= edge)
        return places[np.argsort(-values[places], kind="stable")][:number]
    return np.argsort(-values, kind="stable")[:number]
