"""`causerie bench`: how fast a model is on this machine, beside what the machine could do at best.

Everything that can be wrong in the options is said before the model loads. It times nothing itself:
api/measurement/benchmark.py does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from causerie.cli.options.arguments import Parser, help_columns, load_options, whole_number
from causerie.errors import UsageError
from causerie.settings import Settings

if TYPE_CHECKING:
    from causerie.api.measurement.benchmark import InstructionGroup, Limit, Measurement, Trial
    from causerie.api.options.load_options import LoadOptions

_DESCRIPTION = """\
How fast a model reads a prompt (prefill) and writes an answer (decode) on this
machine, and what share that is of what the machine can do at best, measured
between the rounds of the same run. Options marked * take lists: 0,4096.

  causerie bench                       the built-in model
  causerie bench MODEL --depth 0,4096  also with 4096 tokens before it
  causerie bench MODEL --batch 1,16    also 16 answers written at once
  causerie bench MODEL --speculation   what guessing tokens gains, by who guesses"""

_EPILOG = """\
Times are of the model's steps alone, without sampling and text. A limit is the
time to read every byte a step needs (weights, and the keys and values before
it) or to do its arithmetic, whichever is longer; what is expected is what
`causerie fit` would say with the bandwidth of the same rounds. Peak memory is the process's
since the model began to load, without what measuring itself takes."""

PLAIN = "none"
"""The --quantization that leaves the weights as --dtype says."""


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    columns = help_columns(width)
    usage = "causerie bench [MODEL] [options]"
    made = Parser("causerie bench", _DESCRIPTION, width=columns, usage=usage, epilog=_EPILOG)
    add = made.add_argument
    add(
        "model",
        nargs="?",
        default="builtin",
        metavar="MODEL",
        help="a folder, GGUF file or org/name; default: the built-in one",
    )
    add("--prompt", type=numbers(0), default=[512], metavar="N", help="* tokens of a prompt; 0: none (512)")
    add("--generate", type=numbers(0), default=[128], metavar="N", help="* tokens of an answer; 0: none (128)")
    add("--depth", type=numbers(0), default=[0], metavar="N", help="* tokens before prompt or answer (0)")
    add("--batch", type=numbers(1), default=[1], metavar="N", help="* answers written at once (1)")
    add("--quantization", type=names, default=[PLAIN], metavar="NAME", help=f"* formats of the weights ({PLAIN})")
    made.add_loading_options("dtype", "calibrate", "cache_dtype", "expert_memory")
    add("--backend", choices=["native", "torch"], default="native", help="what computes (native)")
    made.add_loading_options("threads", "draft", "strict")
    add(
        "--speculation",
        nargs="?",
        const="auto",
        metavar="NAME",
        help="instead: answers to texts of several kinds of --generate tokens, with guesses and without, in turn; NAME "
        "as in `causerie chat` (auto)",
    )
    add("--repeat", type=whole_number, default=5, metavar="N", help="rounds, of which the medians are shown (5)")
    add("--profile", action="store_true", help="also where the time of each test's last step goes (native backend)")
    add("--json", action="store_true", help="as the last line, the same as JSON, sizes in bytes")
    return made


class numbers:
    """An argparse type: whole numbers of at least `least`, with commas between them; each once."""

    def __init__(self, least: int) -> None:
        self._least = least

    def __call__(self, text: str) -> list[int]:
        numbers = []
        for word in text.split(","):
            try:
                number = int(word)
            except ValueError:
                raise argparse.ArgumentTypeError(f"{word!r} in {text!r} is not a whole number") from None
            if number < self._least:
                raise argparse.ArgumentTypeError(f"{number} in {text!r} is less than {self._least}")
            numbers.append(number)
        return list(dict.fromkeys(numbers))


def names(text: str) -> list[str]:
    """An argparse type: words with commas between them; each once."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"{text!r} has nothing between two commas, or is empty")
    return list(dict.fromkeys(words))


def run(options: argparse.Namespace) -> int:
    """Measures and prints, and returns the exit code. Raises CauserieError."""
    if options.speculation is not None:
        from causerie.cli.verbs.bench_speculation import run_speculation

        return run_speculation(options, _loading(options), parser())
    if options.draft is not None:
        raise UsageError("--draft guesses tokens, which only --speculation measures. Add it, or leave --draft out.")
    trials = trials_of(options)
    loading = _loading(options)

    from causerie.api.measurement.benchmark import Limit, benchmark, check_benchmark
    from causerie.api.options.quantization import quant_config

    formats = [quant_config(name, None) for name in options.quantization]
    check_benchmark(options.model, trials, loading, formats)
    limit = Limit.measured(options.threads, Settings.from_environment())
    table = TrialTable(f"{options.model}: {limit.threads} threads ({limit.probe.instruction_set}). {_limits(limit)}")
    rows = []
    for measurement in benchmark(
        options.model, trials, loading, formats, limit, repeat=options.repeat, profile=options.profile
    ):
        table.row(measurement)
        rows.append(_row_values(measurement))
        if options.profile:
            table.profile(measurement.parts, limit.probe.best)
    print(f"memory over the whole run: {limit.probe.median / 1e9:.1f} GB/s, at best {limit.probe.best / 1e9:.1f}")
    if options.json:
        print(json.dumps({"probe": _probe_values(limit), "rows": rows}))
    return 0


def trials_of(options: argparse.Namespace) -> list[Trial]:
    """What the options ask to be timed, by depth, for that is how the cache is filled. Raises UsageError."""
    from causerie.api.measurement.benchmark import Trial

    trials = []
    for depth in sorted(options.depth):
        trials += [Trial("prefill", tokens, depth) for tokens in options.prompt if tokens]
        trials += [Trial("decode", n, depth, batch) for n in options.generate if n for batch in options.batch]
    if not trials:
        raise UsageError("--prompt 0 and --generate 0 leave nothing to measure. Give one of them a number of tokens.")
    return trials


def _loading(options: argparse.Namespace) -> LoadOptions:
    """How the model is loaded in every format. Raises UsageError, UnknownName."""
    if options.threads is not None and options.threads > 1024:
        raise UsageError(f"--threads is {options.threads}; 1 to 1024 threads can be had.")
    if options.profile and options.backend != "native":
        raise UsageError(f"--profile times the native backend's instructions; --backend {options.backend} has none.")
    threads = options.threads if options.backend == "native" else None  # else they only measure the limit
    speculation = "off" if options.speculation is None else options.speculation
    return load_options(options, device="cpu", threads=threads, quantization=None, speculation=speculation)


def _limits(limit: Limit) -> str:
    parts = [f"memory {limit.probe.best / 1e9:.1f} GB/s"]
    for kind, value in limit.peaks.items():
        parts.append(f"{kind} {value / 1e9:.0f} {'GOP/s' if kind == 'int8' else 'GFLOP/s'}")
    return f"Limits: {', '.join(parts)}"


def _probe_values(limit: Limit) -> dict[str, Any]:
    return {
        "bandwidth_gbs": round(limit.probe.median / 1e9, 2),
        "bandwidth_best_gbs": round(limit.probe.best / 1e9, 2),
        **{f"{kind}_gops": round(value / 1e9, 1) for kind, value in limit.peaks.items()},
        "threads": limit.threads,
        "instruction_set": limit.probe.instruction_set,
    }


def _row_values(measurement: Measurement) -> dict[str, Any]:
    result, trial = measurement.result, measurement.result.trial
    return {
        "test": trial.kind,
        "format": measurement.format,
        "cache_dtype": measurement.cache_dtype,
        "prompt": trial.tokens if trial.kind == "prefill" else 0,
        "depth": trial.depth,
        "batch": trial.batch,
        "tokens_per_second": round(result.speed, 2),
        "expected_tokens_per_second": None if measurement.expected is None else round(measurement.expected, 2),
        "share_of_limit": None if result.share is None else round(result.share, 4),
        "peak_memory_bytes": measurement.peak_memory,
        "expert_reads": None if measurement.reads is None else vars(measurement.reads),
    }


class TrialTable:
    """The lines for people, written as the figures come; `title` above the first."""

    def __init__(self, title: str) -> None:
        self._title: str | None = title

    def row(self, measurement: Measurement) -> None:
        """One trial on one model."""
        if self._title is not None:
            print(self._title)
            self._line(
                "test",
                "format",
                "depth",
                "batch",
                "tokens/s",
                "lowest–highest",
                "expected",
                "of the limit",
                "MB/token",
                "peak GB",
            )
            self._title = None
        result, peak = measurement.result, measurement.peak_memory
        trial, speeds = result.trial, result.tokens_per_second
        self._line(
            f"{trial.kind} {trial.tokens}",
            measurement.format,
            str(trial.depth),
            str(trial.batch),
            f"{result.speed:.1f}",
            f"{min(speeds):.1f}–{max(speeds):.1f}",
            "–" if measurement.expected is None else f"{measurement.expected:.1f}",
            "–" if result.share is None else f"{100 * result.share:.0f} % of {result.bound}",
            f"{result.bytes_per_token / 1e6:.1f}",
            "–" if peak is None else f"{peak / 1e9:.2f}",
        )

    def profile(self, parts: Sequence[InstructionGroup], bandwidth: float) -> None:
        """Where the time of a step goes; what is under a hundredth of it together."""
        whole = sum(part.seconds for part in parts) or 1.0
        from causerie.api.measurement.benchmark import InstructionGroup

        small = [part for part in parts if part.seconds < whole / 100]
        rest = InstructionGroup("the rest", sum(part.count for part in small), sum(part.seconds for part in small), 0)
        for part in [*(part for part in parts if part not in small), rest]:
            speed = part.nbytes / part.seconds if part.nbytes and part.seconds else 0.0
            read = f"{speed / 1e9:>8.1f} GB/s{100 * speed / bandwidth:>5.0f} % of memory" if speed else ""
            share = f"{100 * part.seconds / whole:>4.0f} %{1e3 * part.seconds:>9.3f} ms"
            print(f"    {share} {part.count:>4} × {part.kind:<48}{read}".rstrip(), flush=True)

    def _line(self, test: str, name: str, *columns: str) -> None:
        widths = (6, 6, 10, 18, 10, 19, 10, 9)
        right = "".join(f"{text:>{width}}" for text, width in zip(columns, widths, strict=True))
        print(f"{test:<16}{name:<10}{right}", flush=True)
