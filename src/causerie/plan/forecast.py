"""How fast a model would be on a computer, before it is loaded: the roofline of a step (speed.py), less what kernels
lose of it (coefficients.py). Knows no file and runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import Literal, NamedTuple

from causerie.plan.coefficients import EXPERT_LAYER, EXPERT_ROWS, attention_coefficients, coefficients
from causerie.plan.computer import Computer, Span
from causerie.plan.footprint import STEP_TOKENS
from causerie.plan.speed import StepWork, active_bytes, arithmetic_of, step_work
from causerie.spec.decoder import Decoder


@dataclass(frozen=True)
class WeightForm:
    """One way to hold a model's weights. Sizes are bytes, as the computer's backend holds them."""

    name: str  # of the precision, as --quantization or --dtype spells it
    weight_bytes: int
    format: str  # of its matrices
    embedding: str  # the format of its table of embeddings
    cache_format: str
    expert_bytes: int | None = None  # of all its experts; None: they are held as the rest


class Rates(NamedTuple):
    """What a computer gives at one moment: bytes and operations per second, by kind of arithmetic."""

    bandwidth: float
    operations: dict[str, float]


def lesson(format: str, kind: Literal["decode", "prefill"]) -> str:
    """What answers teach of one format, as `Computer.learnt` calls it."""
    return f"{format} {kind}"


def usual(computer: Computer) -> Rates:
    """What it gives most of the time."""
    return Rates(computer.bandwidth.usual, {kind: span.usual for kind, span in computer.operations.items()})


@dataclass(frozen=True)
class Forecast:
    """A model held in one way on one computer."""

    spec: Decoder
    form: WeightForm
    computer: Computer

    def decode_speed(self, depth: int, sequences: int = 1) -> Span:
        """Tokens per second of all `sequences` that go on at `depth`, by the bandwidth that moves."""
        work = self._work(1, depth, sequences, sequences)
        rates, spread = usual(self.computer), self.computer.bandwidth
        seconds = [
            self.step_seconds(work, rates._replace(bandwidth=each), alone=True)
            for each in (spread.low, spread.usual, spread.high)
        ]
        learnt = self.computer.learnt.get(lesson(self.form.format, "decode"), 1.0)
        return Span(*(learnt * sequences / each for each in seconds))

    def prefill_seconds(self, tokens: int, depth: int = 0) -> float | None:
        """Time to read a prompt that begins at `depth`; None where the arithmetic has no known peak."""
        if arithmetic_of(self.form.format) not in self.computer.operations:
            return None
        steps = -(-tokens // STEP_TOKENS)
        rows = tokens / steps
        work = self._work(rows, depth + (tokens - rows) / 2, 1, 1 / steps)
        learnt = self.computer.learnt.get(lesson(self.form.format, "prefill"), 1.0)
        return steps * self.step_seconds(work, usual(self.computer), alone=tokens == 1) / learnt

    def prefill_speed(self, tokens: int, depth: int = 0) -> float | None:
        """Tokens of such a prompt per second."""
        seconds = self.prefill_seconds(tokens, depth)
        return None if not seconds else tokens / seconds

    def first_token_seconds(self, tokens: int) -> float | None:
        """From a prompt that nothing is known of to the first token of its answer."""
        return self.prefill_seconds(tokens)

    def step_seconds(self, work: StepWork, rates: Rates, *, alone: bool) -> float:
        """Time of one step, in which each sequence has one row, `alone`, or many. Many rows are multiplied by weights
        while these are read, so that the longer of both counts; with one row both hold each other up, the more the
        nearer they are. Attention comes after them, layer by layer."""
        shares, looking = coefficients(self.computer, self.form.format), attention_coefficients(self.computer)
        matrices, pairs = (arithmetic_of(format) for format in work.formats)
        peak, looking_peak = rates.operations.get(matrices, 0.0), rates.operations.get(pairs, 0.0)
        reading = work.weights / (rates.bandwidth * shares.reading)
        share, looking_share = (shares.alone, looking.alone) if alone else (shares.arithmetic, looking.arithmetic)
        computing = work.matrices / (peak * share) if peak else 0.0
        seeing = work.pairs / (looking_peak * looking_share) if looking_peak else 0.0
        recalling = work.cached / (rates.bandwidth * looking.reading)
        with_experts = sum(layer.experts is not None for layer in self.spec.layers)
        if alone:
            reading, computing = hypot(reading, computing), 0.0
            fetching = work.cached / (looking_peak * looking.fetching) if looking_peak else 0.0
            recalling = hypot(recalling, fetching)
        fixed = shares.step + shares.layer * len(self.spec.layers) + EXPERT_LAYER * with_experts
        computing *= EXPERT_ROWS if with_experts and not alone else 1.0
        return max(reading, computing) + max(seeing, recalling) + fixed

    def _work(self, rows: float, depth: float, sequences: int, outputs: float) -> StepWork:
        form = self.form
        read = active_bytes(self.spec, form.weight_bytes, form.embedding)
        formats = form.format, form.cache_format
        return step_work(
            self.spec,
            read,
            formats,
            rows=rows,
            depth=depth,
            sequences=sequences,
            outputs=outputs,
            expert_bytes=form.expert_bytes,
        )
