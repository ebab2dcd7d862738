"""How fast a model is on this machine, beside what the machine could do at best.

Loads the model once for each format and has plan/measure.py time it. Draws no table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from causerie.api.auto import AutoConfig
from causerie.api.causal_lm import CausalLM
from causerie.api.loading.load import open_model
from causerie.api.machine.abilities import thread_count
from causerie.api.measurement.promise import form_of_loaded
from causerie.api.options.load_options import LoadOptions
from causerie.backends.ops import ExpertReads
from causerie.loading.packed.method import without_method
from causerie.models.registry import spec_from_config
from causerie.plan.breakdown import InstructionGroup, breakdown
from causerie.plan.computer import Computer, Span
from causerie.plan.forecast import Forecast
from causerie.plan.hardware import Probe, forget_peak_memory, peak_memory
from causerie.plan.measure import Trial, Workbench, cache_tokens, check
from causerie.plan.rounds import MeasuredModel, TrialResult, measure
from causerie.quant.config import QuantConfig
from causerie.settings import Settings

__all__ = ["InstructionGroup", "Limit", "Measurement", "Trial", "TrialResult", "benchmark", "check_benchmark"]

PROFILED = 8
"""Runs of a step of which the quickest time of each instruction counts."""


@dataclass(frozen=True)
class Limit:
    """What measurements are set against: the bandwidth of memory, read again and again, and the peaks of arithmetic, in
    operations per second by kind."""

    threads: int
    probe: Probe
    peaks: dict[str, float]

    @staticmethod
    def measured(threads: int | None, settings: Settings) -> Limit:
        """That of this machine now, with so many threads. Raises BackendUnavailable where the native library cannot
        run."""
        count = thread_count(threads, settings)
        probe = Probe(count, settings.instruction_set)
        probe.bandwidth()
        return Limit(count, probe, probe.peaks())


@dataclass(frozen=True)
class Measurement:
    """One trial on one model; `peak_memory` is what the process had at most since the model began to load, in bytes,
    without what measuring itself takes; `parts` where the time of the last step went, if asked; `reads` what was
    read of experts that stay in their file, from loading on; `expected` are the tokens per second that a forecast
    gives by the limits of the same run, None where it knows nothing of the backend."""

    format: str
    cache_dtype: str
    result: TrialResult
    peak_memory: int | None
    parts: tuple[InstructionGroup, ...] = ()
    reads: ExpertReads | None = None
    expected: float | None = None


def check_benchmark(
    name: str, trials: Sequence[Trial], options: LoadOptions, quantizations: Sequence[QuantConfig | None]
) -> None:
    """Raises what can be known before weights are read: of the trials, and of widths that a format cannot hold."""
    spec = spec_from_config(without_method(AutoConfig.from_pretrained(name)), options.strict)
    for quantization in quantizations:
        if quantization is not None:  # a name is as good as a module where nothing is skipped
            quantization.formats(spec, "float32", {weight.name: weight.name for weight in spec.weights()})
    check(trials, spec.context)


def benchmark(
    name: str,
    trials: Sequence[Trial],
    options: LoadOptions,
    quantizations: Sequence[QuantConfig | None],
    limit: Limit,
    *,
    repeat: int = 5,
    profile: bool = False,
) -> Iterator[Measurement]:
    """Every trial on the model in every format (None: plain), as they are done; medians of `repeat` rounds. Raises as
    from_pretrained, and OutOfMemory."""
    spec = spec_from_config(without_method(AutoConfig.from_pretrained(name)), options.strict)
    tokens = cache_tokens(trials, windowed=any(group.window is not None for group in spec.page_groups))
    for quantization in quantizations:
        forget_peak_memory()
        calibrate = None if quantization is None else options.calibrate
        variant = replace(options, quantization=quantization, calibrate=calibrate, max_cache_tokens=tokens)
        with open_model(name, variant) as model:
            yield from _measured(model, trials, limit, repeat, profile)


def _measured(
    model: CausalLM, trials: Sequence[Trial], limit: Limit, repeat: int, profile: bool
) -> Iterator[Measurement]:
    steps = model.step_model
    check(trials, steps.context, steps.max_tokens)
    work = _work_of(model)
    bench = Workbench(steps)
    for trial in trials:
        result = measure(bench, trial, work, limit.probe.bandwidth, limit.peaks, repeat)
        expected = _expected(model, trial, limit, repeat)
        peak = peak_memory()
        memory = None if peak is None else peak - limit.probe.bytes_held
        parts: list[InstructionGroup] = []
        if profile:
            step = bench.last_step(trial)
            parts = breakdown([steps.profile(step) for _ in range(PROFILED)])
            limit.probe.bandwidth()
        yield Measurement(work.format, work.cache_format, result, memory, tuple(parts), model.expert_reads(), expected)


def _expected(model: CausalLM, trial: Trial, limit: Limit, repeat: int) -> float | None:
    """Tokens per second of a trial that was just measured, by the bandwidth around its rounds."""
    if model.backend != "native" or model.expert_reads() is not None:
        return None
    bandwidth = Span.of(limit.probe.lately(repeat + 1))
    peaks = {kind: Span.of(value) for kind, value in limit.peaks.items()}
    here = Computer("here", "cpu", 0, bandwidth, peaks, limit.probe.instruction_set)
    forecast = Forecast(model.step_model.spec, form_of_loaded(model), here)
    if trial.kind == "prefill":
        return forecast.prefill_speed(trial.tokens, trial.depth)
    return forecast.decode_speed(trial.depth + trial.tokens // 2, trial.batch).usual


def _work_of(model: CausalLM) -> MeasuredModel:
    steps, form = model.step_model, form_of_loaded(model)
    return MeasuredModel(
        spec=steps.spec,
        weight_bytes=form.weight_bytes,
        format=form.format,
        embedding=form.embedding,
        cache_format=form.cache_format,
        step_tokens=steps.max_tokens,
        expert_bytes=form.expert_bytes,
    )
