"""What was to be expected of a loaded model's answers, to stand beside what they took, and what is learnt from the
difference.

Only where this machine was measured before: nobody who waits for an answer waits for a measurement. Knows no terminal.
"""

from __future__ import annotations

from dataclasses import dataclass

from causerie.api.causal_lm import CausalLM
from causerie.api.machine.measurements import kept_record, record_folder
from causerie.errors import CauserieError
from causerie.plan.computer import Span
from causerie.plan.footprint import STEP_TOKENS
from causerie.plan.forecast import Forecast, WeightForm, lesson
from causerie.plan.hardware import Probe
from causerie.plan.machine_record import MachineRecord
from causerie.quant.config import QuantConfig
from causerie.quant.encoders import ENCODERS
from causerie.settings import Settings
from causerie.spec.decoder import Decoder

TEACHING_TOKENS = 16
"""Of an answer, from which on its speed means something."""
TEACHING_ROWS = 256
"""Read of a prompt, from which on the time means something: fewer take as long as a step takes that does little."""

BANDWIDTH_ROUNDS, BANDWIDTH_SECONDS = 3, 0.05
"""By which it is measured while somebody waits."""


@dataclass(frozen=True)
class Expected:
    """What an answer should take."""

    tokens_per_second: Span
    first_token_seconds: float | None  # None for a short prompt, and where the arithmetic has no known peak


@dataclass(frozen=True)
class Bandwidth:
    """Bytes per second that memory gives: now, and the lowest and highest when the machine was measured."""

    now: float
    low: float
    high: float


class Promise:
    """That of one loaded model on this machine."""

    def __init__(self, spec: Decoder, form: WeightForm, record: MachineRecord, settings: Settings) -> None:
        self._spec = spec
        self.form = form
        self._record = record
        self._folder = record_folder(settings)

    @staticmethod
    def of(model: CausalLM, settings: Settings, threads: int | None = None) -> Promise | None:
        """That of a model which was loaded with so many threads. None where the machine was never measured with as
        many, or the model runs elsewhere than on its processor."""
        record = kept_record(settings, threads) if model.backend == "native" else None
        return None if record is None else Promise(model.step_model.spec, form_of_loaded(model), record, settings)

    def expected(self, prompt_tokens: int, cached_tokens: int, new_tokens: int) -> Expected:
        """Of an answer of so many tokens to a prompt of which so many were read before."""
        forecast = self._forecast
        read = prompt_tokens - cached_tokens
        first = forecast.prefill_seconds(read, cached_tokens) if read >= TEACHING_ROWS else None
        return Expected(forecast.decode_speed(prompt_tokens + new_tokens // 2), first)

    @property
    def speed(self) -> Span:
        """Tokens per second of an answer at the beginning of a chat, without guessed tokens."""
        return self.expected(0, 0, 0).tokens_per_second

    @property
    def reading(self) -> float | None:
        """Tokens of a prompt per second at the beginning of a chat; None where the arithmetic has no known peak."""
        return self._forecast.prefill_speed(STEP_TOKENS)

    @property
    def _forecast(self) -> Forecast:
        return Forecast(self._spec, self.form, self._record.computer(0, packs=False))

    def bandwidth(self) -> Bandwidth | None:
        """Measured in a moment, with the threads that the model has; None where there is no memory to measure by."""
        try:
            probe = Probe(self._record.fingerprint.threads)
        except CauserieError:
            return None
        from statistics import median  # costs 40 ms, and every chat begins with this module

        rounds = [probe.sustained_bandwidth(BANDWIDTH_SECONDS) for _ in range(BANDWIDTH_ROUNDS)]
        span = self._record.bandwidth_span
        return Bandwidth(median(rounds), span.low, span.high)

    def learn(self, expected: Expected, *, speed: float | None, new_tokens: int, first_seconds: float) -> None:
        """Takes in what an answer took that nobody guessed tokens for, and keeps it with the measurements of the
        machine. Short ones teach nothing."""
        record = self._record
        if speed is not None and new_tokens >= TEACHING_TOKENS:
            record = record.taught(lesson(self.form.format, "decode"), speed / expected.tokens_per_second.usual)
        if expected.first_token_seconds is not None and first_seconds > 0:
            ratio = expected.first_token_seconds / first_seconds
            record = record.taught(lesson(self.form.format, "prefill"), ratio)
        if record is not self._record:
            self._record = record
            record.save(self._folder)


def load_sentence(model: CausalLM, promise: Promise | None) -> str | None:
    """What to say of a model when it is loaded: how fast it should answer, where the machine was measured, and how long
    a chat may be, where memory has no room for as long a one as the model can hold. None where there is nothing."""
    parts = []
    if promise is not None:
        span = promise.speed
        digits = 0 if span.usual >= 10 else 1
        moves = f" ({span.low:.{digits}f} to {span.high:.{digits}f}, as memory gives)" if span.moves else ""
        parts.append(f"About {span.usual:.{digits}f} tokens/s{moves} are to be expected.")
    if model.capacity < model.context:
        parts.append(
            f"Memory has room for a chat of {model.capacity:,} tokens; the model could hold {model.context:,}."
        )
    return " ".join(parts) or None


def form_of_loaded(model: CausalLM) -> WeightForm:
    """How a loaded model's weights are held."""
    steps = model.step_model
    quantization = model.quantization
    # Of other formats files say what each matrix is in.
    named = QuantConfig.named(quantization) if quantization is not None and quantization in ENCODERS else None
    return WeightForm(
        name=model.format,
        weight_bytes=steps.weight_bytes,
        format=model.format,
        embedding=(named and named.embedding) or steps.format,
        cache_format=model.cache_dtype,
        expert_bytes=steps.expert_bytes,
    )
