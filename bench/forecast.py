"""Speeds and memory as `causerie fit` predicts them, beside what is measured: how well plan/coefficients.py holds.

    python bench/forecast.py MODEL ... [--quantization none,int8,int4] [--depth 0,2048,8192] [--rounds 3] [--json FILE]

Each trial is set against what memory and arithmetic gave right before and after it, in the mean of a tenth of a second
each, for on a machine shared with others both move, by a factor of two at once; a round between whose ends that moved
by which it is predicted, or at an end of which arithmetic was slower than it was before, is done again. So what is
judged here are the coefficients, and not how steady the machine is. Each format has a process of its own, so that its
memory is counted alone. Prints a table in Markdown, and as a last line the share of the predictions that meet the
goals.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from causerie.api.fit.fitting import form_of
from causerie.api.fit.precisions import precisions
from causerie.api.fit.surveyed_checkpoint import surveyed
from causerie.api.loading.load import open_model
from causerie.api.machine.abilities import native_state, thread_count
from causerie.api.options.load_options import LoadOptions
from causerie.api.options.quantization import quant_config
from causerie.backends.native.backend import PACKS
from causerie.plan.computer import Computer, Span
from causerie.plan.fit import working_bytes
from causerie.plan.footprint import cache_cost
from causerie.plan.forecast import Forecast
from causerie.plan.hardware import Probe, forget_peak_memory, peak_memory
from causerie.plan.measure import Trial, Workbench, cache_tokens
from causerie.settings import Settings

GOALS = {"memory": 0.03, "decode": 0.15, "prefill": 0.25}
PROMPT, ANSWER = 512, 24
STEADY = 0.85
"""Lower over higher of two readings, from which on the machine is said to have stood still between them."""
READING = 0.1
"""Seconds of each: long enough that what others take of the machine in between is in it."""
TRIES = 3
"""Rounds at most for each that counts."""


@dataclass(frozen=True)
class Line:
    """A prediction beside its measurement: bytes, or tokens per second."""

    model: str
    format: str
    what: str  # "memory", "decode" or "prefill"
    depth: int
    predicted: float
    measured: float
    bandwidth: float = 0.0
    int8_peak: float = 0.0

    @property
    def error(self) -> float:
        """How far the prediction is off, as a share of what was measured."""
        return self.predicted / self.measured - 1


def lines(name: str, format: str, depths: list[int], rounds: int) -> list[Line]:
    """All of one model in one format."""
    return list(_lines(name, format, depths, rounds))


def _lines(name: str, format: str, depths: list[int], rounds: int) -> Iterator[Line]:
    settings = Settings.from_environment()
    threads, instruction_set = thread_count(None, settings), str(native_state(settings).instruction_set)
    probe = Probe(threads, settings.instruction_set)
    computer = Computer("here", "cpu", 0, Span.of(1.0), {}, instruction_set, packs=instruction_set in PACKS)
    best: dict[str, float] = {}
    trials = [
        Trial(kind, tokens, depth) for depth in depths for kind, tokens in (("prefill", PROMPT), ("decode", ANSWER))
    ]
    tokens = cache_tokens(trials)
    quantization = None if format == "none" else quant_config(format, None)
    model = surveyed(name, LoadOptions(quantization=quantization))
    form_name, weights = next(iter(precisions(model.weights)))
    form = form_of(weights, form_name, computer)
    forget_peak_memory()
    options = LoadOptions(quantization=quantization, max_cache_tokens=tokens, backend="native", speculation="off")
    with open_model(name, options, progress=False) as loaded:
        spec, steps = loaded.step_model.spec, loaded.step_model
        yield Line(Path(name).name, form.name, "weights", 0, form.weight_bytes, steps.weight_bytes)
        bench = Workbench(steps)
        steps.touch(1 << 40)
        for trial in trials:
            bench.skip(trial.depth)  # reading it would take minutes
            bench.prepare(trial)
            yield _timed(bench, trial, Forecast(spec, form, computer), Path(name).name, probe, rounds, best)
        peak = (peak_memory() or 0) - probe.bytes_held
        cache = cache_cost(spec, form.cache_format).total(max(trial.end for trial in trials))
        predicted = form.weight_bytes + working_bytes(spec) + cache
        yield Line(Path(name).name, form.name, "memory", max(depths), predicted, peak)


def _timed(
    bench: Workbench,
    trial: Trial,
    forecast: Forecast,
    name: str,
    probe: Probe,
    rounds: int,
    best: dict[str, float],
) -> Line:
    """The median round, each predicted from what the machine gave around it; `best` are the highest peaks so far."""
    pairs, unsteady = [], []
    before = _limits(probe)
    while len(pairs) < rounds and len(pairs) + len(unsteady) < TRIES * rounds:
        seconds = bench.run(trial)
        after = _limits(probe)
        mean = {kind: (before[kind] + after[kind]) / 2 for kind in before}
        bandwidth = mean.pop("bandwidth")
        peaks = {kind: Span.of(value) for kind, value in mean.items()}
        there = replace(forecast.computer, bandwidth=Span.of(bandwidth), operations=peaks)
        here = replace(forecast, computer=there)
        speed = trial.tokens / seconds
        predicted = (
            here.decode_speed(trial.depth + trial.tokens // 2).usual
            if trial.kind == "decode"
            else here.prefill_speed(trial.tokens, trial.depth) or 0.0
        )
        best.update({kind: max(best.get(kind, 0.0), before[kind], after[kind]) for kind in mean})
        steady = all(STEADY * best[kind] <= min(before[kind], after[kind]) for kind in mean)
        if trial.kind == "decode":
            ends = before["bandwidth"], after["bandwidth"]
            steady &= STEADY * max(ends) <= min(ends)
        (pairs if steady else unsteady).append((predicted / speed, predicted, speed, bandwidth, mean["int8"]))
        before = after
    counted = pairs or unsteady
    _, predicted, speed, bandwidth, peak = sorted(counted)[len(counted) // 2]
    return Line(name, forecast.form.name, trial.kind, trial.depth, predicted, speed, bandwidth, peak)


def _limits(probe: Probe) -> dict[str, float]:
    return {"bandwidth": probe.sustained_bandwidth(READING), **probe.sustained_peaks(READING)}


def table(rows: list[Line]) -> str:
    """In Markdown."""
    text = ["| model | format | what | depth | predicted | measured | off by |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        size = row.what in ("weights", "memory")
        numbers = [f"{each / 1e9:.3f} GB" if size else f"{each:.1f}" for each in (row.predicted, row.measured)]
        cells = (row.model, row.format, row.what, f"{row.depth:,}", *numbers, f"{100 * row.error:+.0f} %")
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text)


def summary(rows: list[Line]) -> str:
    """How many meet the goals."""
    parts = []
    for what, goal in GOALS.items():
        errors = [abs(row.error) for row in rows if row.what == what]
        if errors:
            within = sum(error <= goal for error in errors)
            parts.append(
                f"{what}: {within} of {len(errors)} within {100 * goal:.0f} %, median {100 * median(errors):.1f} %"
            )
    return "; ".join(parts)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--quantization", default="none,int8,int4")
    parser.add_argument("--depth", default="0,2048,8192")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[Line] = []
    depths = [int(each) for each in options.depth.split(",")]
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for name in options.models:
            for format in options.quantization.split(","):
                made = processes.submit(lines, name, format, depths, options.rounds).result()
                print(*made, sep="\n", flush=True)
                rows += made
    print(table(rows))
    print(summary(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
