"""`causerie bench`: how fast a model is on this machine, beside what the machine could do at best.

Everything that can be wrong in the options is said before the model loads. It times nothing itself: plan/measure.py
does.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from causerie.cli.arguments import CACHE_DTYPE_HELP, STRICT_HELP, THREADS_HELP, Parser, help_columns, whole_number
from causerie.errors import UsageError
from causerie.settings import Settings

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.models.model import Model
    from causerie.plan.breakdown import Part
    from causerie.plan.hardware import Probe
    from causerie.plan.measure import Trial
    from causerie.plan.rounds import MeasuredModel, Result

_DESCRIPTION = """\
How fast a model reads a prompt (prefill) and writes an answer (decode) on this
machine, and what share that is of what the machine can do at best, measured
between the rounds of the same run. Options marked * take lists: 0,4096.

  causerie bench                       the built-in model
  causerie bench MODEL --depth 0,4096  also with 4096 tokens before it
  causerie bench MODEL --batch 1,16    also 16 answers written at once"""

_EPILOG = """\
Times are of the model's steps alone, without sampling and text. A limit is the
time to read every byte a step needs (weights, and the keys and values before
it) or to do its arithmetic, whichever is longer. Peak memory is the process's
since the model began to load, without what measuring itself takes."""

PLAIN = "none"
"""The --quantization that leaves the weights as --dtype says."""
PROFILED = 8
"""Runs of a step of which the quickest time of each instruction counts."""


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    columns = help_columns(width)
    usage = "causerie bench [MODEL] [options]"
    made = Parser("causerie bench", _DESCRIPTION, width=columns, usage=usage, epilog=_EPILOG)
    add = made.add_argument
    add("model", nargs="?", default="builtin", metavar="MODEL", help="a folder or org/name; default: the built-in one")
    add("--prompt", type=numbers(0), default=[512], metavar="N", help="* tokens of a prompt; 0: none (512)")
    add("--generate", type=numbers(0), default=[128], metavar="N", help="* tokens of an answer; 0: none (128)")
    add("--depth", type=numbers(0), default=[0], metavar="N", help="* tokens before prompt or answer (0)")
    add("--batch", type=numbers(1), default=[1], metavar="N", help="* answers written at once (1)")
    add("--quantization", type=names, default=[PLAIN], metavar="NAME", help=f"* formats of the weights ({PLAIN})")
    dtypes = ["auto", "float32", "float16", "bfloat16"]
    add("--dtype", choices=dtypes, default="auto", help="how weights are held; default: as in the checkpoint")
    add("--cache-dtype", metavar="NAME", help=CACHE_DTYPE_HELP)
    add("--backend", choices=["native", "torch"], default="native", help="what computes (native)")
    add("--threads", type=whole_number, metavar="N", help=THREADS_HELP)
    add("--strict", action="store_true", help=STRICT_HELP)
    add("--repeat", type=whole_number, default=5, metavar="N", help="rounds, of which the medians are shown (5)")
    add("--profile", action="store_true", help="also where the time of each test's last step goes (native backend)")
    add("--json", action="store_true", help="as the last line, the same as JSON, sizes in bytes")
    return made


class numbers:
    """An argparse type: whole numbers of at least `least`, with commas between them; each once."""

    def __init__(self, least: int) -> None:
        self._least = least

    def __call__(self, text: str) -> list[int]:
        found = []
        for word in text.split(","):
            try:
                number = int(word)
            except ValueError:
                raise argparse.ArgumentTypeError(f"{word!r} in {text!r} is not a whole number") from None
            if number < self._least:
                raise argparse.ArgumentTypeError(f"{number} in {text!r} is less than {self._least}")
            found.append(number)
        return list(dict.fromkeys(found))


def names(text: str) -> list[str]:
    """An argparse type: words with commas between them; each once."""
    found = [word.strip() for word in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has nothing between two commas, or is empty")
    return list(dict.fromkeys(found))


def run(found: argparse.Namespace) -> int:
    """Measures and prints, and returns the exit code. Raises CauserieError."""
    trials = trials_of(found)
    _check(found, trials)
    from causerie.plan.hardware import Hardware, Probe, forget_peak_memory

    settings = Settings.from_environment()
    threads = found.threads or settings.threads or Hardware.probe().cores
    probe = Probe(threads, settings.instruction_set)
    probe.bandwidth()
    peaks = probe.peaks()
    table = Table(f"{found.model}: {threads} threads ({probe.instruction_set}). {_limits(probe, peaks)}")
    rows = []
    for quantization in found.quantization:
        forget_peak_memory()
        with _loaded(found, quantization, trials) as model:
            rows += _measure_all(model, trials, Limit(probe, peaks), found, table)
    print(f"memory over the whole run: {probe.median / 1e9:.1f} GB/s, at best {probe.best / 1e9:.1f}")
    if found.json:
        print(json.dumps({"probe": _probe_values(probe, peaks, threads), "rows": rows}))
    return 0


def trials_of(found: argparse.Namespace) -> list[Trial]:
    """What the options ask to be timed, by depth, for that is how the cache is filled. Raises UsageError."""
    from causerie.plan.measure import Trial

    trials = []
    for depth in sorted(found.depth):
        trials += [Trial("prefill", tokens, depth) for tokens in found.prompt if tokens]
        trials += [Trial("decode", n, depth, batch) for n in found.generate if n for batch in found.batch]
    if not trials:
        raise UsageError("--prompt 0 and --generate 0 leave nothing to measure. Give one of them a number of tokens.")
    return trials


def _check(found: argparse.Namespace, trials: list[Trial]) -> None:
    """Everything that can be known before weights are read. Raises CauserieError."""
    from causerie.api.auto import AutoConfig
    from causerie.api.torch_names import cache_dtype_name
    from causerie.loading.packed import without_method
    from causerie.models.registry import spec_from_config
    from causerie.plan.measure import check
    from causerie.quant.config import QuantConfig

    if found.threads is not None and found.threads > 1024:
        raise UsageError(f"--threads is {found.threads}; 1 to 1024 threads can be had.")
    if found.profile and found.backend != "native":
        raise UsageError(f"--profile times the native backend's instructions; --backend {found.backend} has none.")
    cache_dtype_name(found.cache_dtype)
    chosen = [QuantConfig.named(name) for name in found.quantization if name != PLAIN]
    spec = spec_from_config(without_method(AutoConfig.from_pretrained(found.model)), found.strict)
    for choice in chosen:  # names and widths; a name is as good as a module where nothing is skipped
        choice.formats(spec, "float32", {weight.name: weight.name for weight in spec.weights()})
    check(trials, spec.context)


def _loaded(found: argparse.Namespace, quantization: str, trials: list[Trial]) -> CausalLM:
    from causerie.api.auto import AutoModelForCausalLM
    from causerie.plan.measure import cache_tokens

    return AutoModelForCausalLM.from_pretrained(
        found.model,
        dtype=found.dtype,
        device_map="cpu",
        backend=found.backend,
        threads=found.threads if found.backend == "native" else None,
        quantization=None if quantization == PLAIN else quantization,
        cache_dtype=found.cache_dtype,
        strict=found.strict,
        max_cache_tokens=cache_tokens(trials),
    )


@dataclass(frozen=True)
class Limit:
    """What measurements are set against: the bandwidth, read again and again, and the peaks of arithmetic."""

    probe: Probe
    peaks: dict[str, float]


def _measure_all(
    model: CausalLM, trials: list[Trial], limit: Limit, found: argparse.Namespace, table: Table
) -> list[dict[str, Any]]:
    """Times every trial on one model, shows each as it is done, and returns the rows of the JSON."""
    from causerie.plan.breakdown import breakdown
    from causerie.plan.hardware import peak_memory
    from causerie.plan.measure import Workbench, check
    from causerie.plan.rounds import measure

    steps = model.step_model
    check(trials, steps.context, steps.max_tokens)
    held = _held(steps)
    bench = Workbench(steps)
    rows = []
    for trial in trials:
        result = measure(bench, trial, held, limit.probe.bandwidth, limit.peaks, found.repeat)
        peak = peak_memory()
        used = None if peak is None else peak - limit.probe.bytes_held
        table.row(held.format, result, used)
        rows.append(_row_values(held.format, held.cache_format, result, used))
        if found.profile:
            step = bench.last_step(trial)
            parts = breakdown([steps.profile(step) for _ in range(PROFILED)])
            limit.probe.bandwidth()
            table.profile(parts, limit.probe.best)
    return rows


def _held(model: Model) -> MeasuredModel:
    from causerie.plan.rounds import MeasuredModel
    from causerie.quant.config import QuantConfig

    named = None if model.quantization is None else QuantConfig.named(model.quantization)
    return MeasuredModel(
        spec=model.spec,
        weight_bytes=model.weight_bytes,
        format=model.quantization or model.format,
        embedding=(named and named.embedding) or model.format,
        cache_format=model.cache.dtype,
        step_tokens=model.max_tokens,
    )


def _limits(probe: Probe, peaks: dict[str, float]) -> str:
    parts = [f"memory {probe.best / 1e9:.1f} GB/s"]
    parts += [f"{kind} {value / 1e9:.0f} {'GOP/s' if kind == 'int8' else 'GFLOP/s'}" for kind, value in peaks.items()]
    return f"Limits: {', '.join(parts)}"


def _probe_values(probe: Probe, peaks: dict[str, float], threads: int) -> dict[str, Any]:
    return {
        "bandwidth_gbs": round(probe.median / 1e9, 2),
        "bandwidth_best_gbs": round(probe.best / 1e9, 2),
        **{f"{kind}_gops": round(value / 1e9, 1) for kind, value in peaks.items()},
        "threads": threads,
        "instruction_set": probe.instruction_set,
    }


def _row_values(name: str, cache: str, result: Result, peak: int | None) -> dict[str, Any]:
    trial = result.trial
    return {
        "test": trial.kind,
        "format": name,
        "cache_dtype": cache,
        "prompt": trial.tokens if trial.kind == "prefill" else 0,
        "depth": trial.depth,
        "batch": trial.batch,
        "tokens_per_second": round(result.speed, 2),
        "share_of_limit": None if result.share is None else round(result.share, 4),
        "peak_memory_bytes": peak,
    }


class Table:
    """The lines for people, written as the figures come; `title` above the first."""

    def __init__(self, title: str) -> None:
        self._title: str | None = title

    def row(self, name: str, result: Result, peak: int | None) -> None:
        """One trial, of weights in the format `name`."""
        if self._title is not None:
            print(self._title)
            self._line(
                "test", "format", "depth", "batch", "tokens/s", "lowest–highest", "of the limit", "MB/token", "peak GB"
            )
            self._title = None
        trial, speeds = result.trial, result.tokens_per_second
        self._line(
            f"{trial.kind} {trial.tokens}",
            name,
            str(trial.depth),
            str(trial.batch),
            f"{result.speed:.1f}",
            f"{min(speeds):.1f}–{max(speeds):.1f}",
            "–" if result.share is None else f"{100 * result.share:.0f} % of {result.bound}",
            f"{result.bytes_per_token / 1e6:.1f}",
            "–" if peak is None else f"{peak / 1e9:.2f}",
        )

    def profile(self, parts: list[Part], bandwidth: float) -> None:
        """Where the time of a step goes; what is under a hundredth of it together."""
        whole = sum(part.seconds for part in parts) or 1.0
        from causerie.plan.breakdown import Part

        small = [part for part in parts if part.seconds < whole / 100]
        rest = Part("the rest", sum(part.count for part in small), sum(part.seconds for part in small), 0)
        for part in [*(part for part in parts if part not in small), rest]:
            speed = part.nbytes / part.seconds if part.nbytes and part.seconds else 0.0
            read = f"{speed / 1e9:>8.1f} GB/s{100 * speed / bandwidth:>5.0f} % of memory" if speed else ""
            share = f"{100 * part.seconds / whole:>4.0f} %{1e3 * part.seconds:>9.3f} ms"
            print(f"    {share} {part.count:>4} × {part.kind:<48}{read}".rstrip(), flush=True)

    def _line(self, test: str, name: str, *columns: str) -> None:
        widths = (6, 6, 10, 18, 19, 10, 9)
        right = "".join(f"{text:>{width}}" for text, width in zip(columns, widths, strict=True))
        print(f"{test:<16}{name:<10}{right}", flush=True)
