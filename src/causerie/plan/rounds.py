"""A trial timed several times, each time between two readings of the machine's bandwidth. Knows no table.

A machine shared with others changes from minute to minute, so each round's speed is set against what the memory gave
around that very round, and medians are taken of the ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Protocol

from causerie.plan.measure import Trial
from causerie.plan.speed import Limits, StepWork, active_bytes, step_work
from causerie.spec.decoder import Decoder


class Clocked(Protocol):
    """What can run a trial and say how many seconds it took: `measure.Workbench`, or a scripted one."""

    def prepare(self, trial: Trial) -> None: ...
    def run(self, trial: Trial) -> float: ...


@dataclass(frozen=True)
class MeasuredModel:
    """A model as it is held: what a step must read and multiply."""

    spec: Decoder
    weight_bytes: int
    format: str  # of its matrices
    embedding: str  # the format of its table of embeddings
    cache_format: str
    step_tokens: int  # most tokens of a step
    expert_bytes: int | None = None  # of all its experts; None: they are held as the rest

    def steps(self, trial: Trial) -> tuple[StepWork, int]:
        """The work of a middle step of the trial, and how many such steps it is."""
        read = active_bytes(self.spec, self.weight_bytes, self.embedding)
        work_of = partial(step_work, self.spec, read, (self.format, self.cache_format), expert_bytes=self.expert_bytes)
        if trial.kind == "decode":
            depth = trial.depth + (trial.tokens - 1) / 2
            return work_of(rows=1, depth=depth, sequences=trial.batch, outputs=trial.batch), trial.tokens
        steps = -(-trial.tokens // self.step_tokens)
        rows = trial.tokens / steps
        depth = trial.depth + (trial.tokens - rows) / 2
        return work_of(rows=rows, depth=depth, sequences=1, outputs=1 / steps), steps


@dataclass(frozen=True)
class TrialResult:
    """What the rounds of a trial gave, in their order."""

    trial: Trial
    tokens_per_second: tuple[float, ...]  # of all sequences together
    shares: tuple[float | None, ...]  # of the limit in the same round; None where the limit is not known
    bound: str | None  # "memory" or "arithmetic", the limit of most rounds
    bytes_per_token: float  # that must be read at least

    @property
    def speed(self) -> float:
        """The median, in tokens per second."""
        return median(self.tokens_per_second)

    @property
    def share(self) -> float | None:
        """The median share of the limit; None where it is not known."""
        known = [share for share in self.shares if share is not None]
        return median(known) if known else None


def measure(
    bench: Clocked,
    trial: Trial,
    measured: MeasuredModel,
    bandwidth: Callable[[], float],
    peaks: Mapping[str, float],
    repeat: int,
) -> TrialResult:
    """Times a trial `repeat` times. `bandwidth` reads what memory gives now, in bytes per second; `peaks` are the
    operations per second of each kind of arithmetic that could be measured."""
    bench.prepare(trial)
    work, steps = measured.steps(trial)
    speeds, shares, bounds = [], [], []
    before = bandwidth()
    for _ in range(repeat):
        seconds = bench.run(trial)
        after = bandwidth()
        least = work.least_seconds(Limits((before + after) / 2, peaks))
        speeds.append(trial.batch * trial.tokens / seconds)
        shares.append(None if least is None else steps * least[0] / seconds)
        bounds += [] if least is None else [least[1]]
        before = after
    bound = max(bounds, key=bounds.count, default=None)
    return TrialResult(trial, tuple(speeds), tuple(shares), bound, steps * work.bytes / (trial.batch * trial.tokens))
