"""How fast a loaded model is: prefill and decode at a depth, timed step by step, without sampling and without text.

Steps are built as the engine builds them and the cache is really filled; what a window or a slot holds is of other
positions of the same texts, where trials are repeated. Knows no backend and draws no table; who calls must leave no
request running, for the cache is written over.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from causerie.backends.step import Step
from causerie.decoding.params import SamplingParams
from causerie.engine import batch
from causerie.engine.plan import Copies, Plan, Work
from causerie.engine.request import Request
from causerie.errors import ContextLengthError, OutOfMemory, UsageError
from causerie.models.model import StepModel
from causerie.plan.footprint import WINDOW_SHARE
from causerie.plan.rings import Rings

BLOCK_AT_MOST = 64  # positions in a block of any backend; each sequence needs whole blocks of its own
MOST_AT_ONCE = 512  # tokens in a step, as models are loaded


@dataclass(frozen=True)
class Trial:
    """One thing to time, with `depth` tokens in the cache before it.

    prefill: a prompt of `tokens` is read, and the logits of its last token are computed.
    decode: `batch` sequences go on for `tokens` tokens each, one step for each token of all of them.
    """

    kind: Literal["prefill", "decode"]
    tokens: int
    depth: int = 0
    batch: int = 1

    @property
    def end(self) -> int:
        """How long each sequence is afterwards."""
        return self.depth + self.tokens


def check(trials: Sequence[Trial], context: int, most_batch: int = MOST_AT_ONCE) -> None:
    """Raises UsageError or ContextLengthError for what no model of this context can be asked, or not in one step."""
    for trial in trials:
        if trial.tokens < 1 or trial.batch < 1 or trial.depth < 0:
            raise UsageError(
                f"A {trial.kind} of {trial.tokens} tokens in {trial.batch} sequences at depth {trial.depth} cannot be "
                "measured: tokens and sequences count from 1, depth from 0."
            )
        if trial.end > context:
            raise ContextLengthError(
                f"A {trial.kind} of {trial.tokens} tokens at depth {trial.depth} makes {trial.end}, and the model's "
                f"context holds {context}. Ask for a depth of at most {max(0, context - trial.tokens)}."
            )
        if trial.batch > most_batch:
            raise UsageError(
                f"{trial.batch} sequences were asked to decode at once, and a step holds {most_batch} tokens. Ask for "
                f"at most {most_batch}."
            )


def cache_tokens(trials: Sequence[Trial], windowed: bool = False) -> int:
    """How many positions the cache must hold for each of these trials on its own. Where layers are `windowed` it is
    made so large that they too have room for all sequences."""
    share = WINDOW_SHARE if windowed and any(trial.batch > 1 for trial in trials) else 1
    return share * max(trial.batch * -(-trial.end // BLOCK_AT_MOST) * BLOCK_AT_MOST for trial in trials)


class Workbench:
    """A model on which trials are run one after the other; random tokens, the same in every run."""

    def __init__(self, model: StepModel, clock: Callable[[], float] = time.perf_counter) -> None:
        self._model = model
        self._clock = clock
        self._tokens = np.random.default_rng(0)
        self._filled = 0  # positions of the first sequence whose keys and values are in the cache

    def skip(self, depth: int) -> None:
        """As if so many tokens were read: what is kept of them is whatever the cache has there, which takes as long to
        look at, if its memory was taken from the system before (`Model.touch`)."""
        self._filled = max(self._filled, depth)

    def prepare(self, trial: Trial) -> None:
        """Fills the cache up to the trial's depth, in every sequence of its batch, and runs one step of its kind that
        is not timed. Raises OutOfMemory where the model's cache is smaller than the trial."""
        rings = self._rings(trial)
        self._check_room(trial, rings)
        while self._filled < trial.depth:
            count = min(self._model.max_tokens, trial.depth - self._filled)
            self._run([self._work(rings, 0, self._filled, count, outputs=0)])
            self._filled += count
        # Copied, not shared: sequences that share blocks would find each other's in the processor's cache.
        pairs = rings.copies(trial.depth, trial.batch)
        if self._model.cache.slots and trial.batch > 1 and trial.depth:  # what the first remembers, each remembers
            heirs = [self._work(rings, sequence, trial.depth, 1, outputs=0) for sequence in range(1, trial.batch)]
            self._run([replace(work, slots=(0, work.slots[1])) for work in heirs], pairs)
            pairs = []
        rows = 1 if trial.kind == "decode" else min(trial.tokens, self._model.max_tokens)
        works = [self._work(rings, sequence, trial.depth, rows, outputs=1) for sequence in range(trial.batch)]
        self._run(works, pairs)
        self._filled = min(self._filled, trial.depth)

    def _check_room(self, trial: Trial, rings: Rings) -> None:
        cache = self._model.cache
        for needed, group in zip(rings.blocks(trial.batch), cache.groups, strict=True):
            if needed > group.blocks:
                windowed = any(each.window is not None for each in cache.groups)
                raise OutOfMemory(
                    f"{trial.batch} sequences of {trial.end} tokens need {needed} blocks of cache, and this model was "
                    f"loaded with {group.blocks}. Load it with max_cache_tokens={cache_tokens([trial], windowed)}."
                )
        if cache.slots and trial.batch > cache.slots:
            raise OutOfMemory(
                f"{trial.batch} sequences at once need as many slots of cache, and this model was loaded with "
                f"{cache.slots}. Measure at most {cache.slots} at once, or load it with a larger max_cache_tokens."
            )

    def run(self, trial: Trial) -> float:
        """Seconds that the trial takes, building its steps included. After `prepare`; may be repeated."""
        rings = self._rings(trial)
        begun = self._clock()
        if trial.kind == "prefill":
            for start in range(trial.depth, trial.end, self._model.max_tokens):
                count = min(self._model.max_tokens, trial.end - start)
                self._run([self._work(rings, 0, start, count, outputs=int(start + count == trial.end))])
        else:
            for position in range(trial.depth, trial.end):
                self._run([self._work(rings, sequence, position, 1, outputs=1) for sequence in range(trial.batch)])
        return self._clock() - begun

    def last_step(self, trial: Trial) -> Step:
        """The step that ends the trial, to be looked at on its own; after `run`, which filled the cache up to it."""
        rings = self._rings(trial)
        rows = 1 if trial.kind == "decode" else (trial.tokens - 1) % self._model.max_tokens + 1
        works = [self._work(rings, sequence, trial.end - rows, rows, outputs=1) for sequence in range(trial.batch)]
        return batch.build(Plan(tuple(works)))

    def _rings(self, trial: Trial) -> Rings:
        return Rings(self._model.cache, trial.end, self._model.max_tokens)

    def _work(self, rings: Rings, sequence: int, start: int, count: int, outputs: int) -> Work:
        tokens = array("i", self._tokens.integers(0, self._model.vocab, count, dtype=np.int32).tobytes())
        request = Request(sequence, tuple(tokens[:1]), SamplingParams())
        return Work(
            request,
            tokens,
            start,
            rings.tables(sequence, start),
            outputs,
            outputs,
            tokens,
            turned=1,  # each row for its own length
            pools=0,
            slots=(sequence if start else -1, sequence) if self._model.cache.slots else (-1, -1),
        )

    def _run(self, works: Sequence[Work], copies: Sequence[Copies] = ()) -> None:
        self._model.run(batch.build(Plan(tuple(works), tuple(copies))))
