"""`causerie fit MODEL`: whether a model runs here, in which precision and how fast, before it is downloaded.

A report is a tree of plain values, printed as a table or as JSON. Knows no arithmetic of it: api/fit/fitting.py does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from causerie.cli.options.arguments import Parser, help_columns
from causerie.cli.verbs.bench import numbers

if TYPE_CHECKING:
    from causerie.api.fit.fitting import Computer, ModelFit, Precision, Span

_DESCRIPTION = """\
Whether a model runs here, in which precision and how fast, before it is
downloaded: from its config.json and the headers of its files. A size alone gives
an estimate.

  causerie fit Qwen/Qwen3-8B                      a model of the hub, or a folder
  causerie fit 8B                                 any model of that size; also
                                                  8x7B, 30B-A3B, Llama-3-70B
  causerie fit 70B --hardware "RTX 4090"          on a computer one does not have
  causerie fit 8B --bandwidth 200 --memory 24     the same, by what it has"""

_EPILOG = """\
The first time the machine is measured, which takes some seconds (`causerie info
--probe` does it again). Speeds are those of answers written alone, without
guessed tokens; a range is what memory gives that moves, as on shared machines."""

_SOURCES = {
    "headers": "what its files say of it, and the headers of its weights",
    "config": "config.json alone",
    "name": "an estimate from the size in its name, with the shapes of models near it",
}


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    columns = help_columns(width)
    made = Parser("causerie fit", _DESCRIPTION, width=columns, usage="causerie fit MODEL [options]", epilog=_EPILOG)
    made.add_argument("model", metavar="MODEL", help="a folder, org/name or builtin, or a size such as 8B or 30B-A3B")
    made.add_argument("--hardware", metavar="NAME", help='in place of this machine: "RTX 4090", "consumer CPU", …')
    made.add_argument("--bandwidth", type=float, metavar="N", help="GB/s that the memory of such hardware gives")
    made.add_argument("--memory", type=float, metavar="N", help="GB of memory that it has")
    made.add_argument("--depth", type=numbers(0), metavar="N,…", help="tokens before an answer (0,2048,8192)")
    made.add_loading_options("cache_dtype", "strict")
    made.add_argument("--json", action="store_true", help="the same as JSON, sizes in bytes")
    return made


def run(options: argparse.Namespace) -> int:
    """Prints the report, and returns the exit code. Raises CauserieError."""
    from causerie.api.fit.fitting import DEPTHS, fit

    result = fit(
        options.model,
        hardware=options.hardware,
        bandwidth=options.bandwidth,
        memory=options.memory,
        depths=sorted(options.depth or DEPTHS),
        cache_dtype=options.cache_dtype,
        strict=options.strict,
    )
    sys.stdout.write(json.dumps(as_values(result), indent=2) + "\n" if options.json else as_lines(result))
    return 0


def as_values(result: ModelFit) -> dict[str, Any]:
    """The report as JSON has it: bytes, tokens per second, seconds."""
    plan, computer = result.plan, result.plan.computer
    return {
        "model": result.name,
        "family": plan.spec.family,
        "estimated": result.estimated,
        "known_from": result.known_from,
        "remark": result.remark,
        "parameters": result.parameters,
        "active_parameters": result.active_parameters,
        "context": plan.spec.context,
        "stored_bytes": result.stored_bytes,
        "here": result.here,
        "disk_free_bytes": result.disk_free,
        "computer": {
            "name": computer.name,
            "measured": computer.measured,
            "memory_bytes": computer.memory,
            "bandwidth": _span_values(computer.bandwidth),
            "operations": {kind: _span_values(span) for kind, span in computer.operations.items()},
        },
        "speeds_assumed": result.speeds_assumed,
        "precisions": [_precision_values(each) for each in plan.precisions],
        "recommended": result.recommended,
        "reason": plan.reason,
    }


def _span_values(span: Span) -> dict[str, float]:
    return {key: _rounded(value) for key, value in vars(span).items()}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _precision_values(each: Precision) -> dict[str, Any]:
    return {
        "precision": each.form.name,
        "fits": each.fits,
        "weight_bytes": each.form.weight_bytes,
        "cache_dtype": each.form.cache_format,
        "cache_bytes_per_1000_tokens": each.cache_bytes,
        "working_bytes": each.working_bytes,
        "needed_bytes": each.needed_bytes,
        "largest_context": each.context,
        "decode": [{"depth": depth, "tokens_per_second": _span_values(span)} for depth, span in each.decode],
        "prefill": [
            {"depth": depth, "tokens_per_second": None if speed is None else _rounded(speed)}
            for depth, speed in each.prefill
        ],
        "first_token_seconds": None if each.first_token_seconds is None else _rounded(each.first_token_seconds),
    }


def as_lines(result: ModelFit) -> str:
    """The report for people: facts, a table of memory and one of speed, and what to take."""
    count, active, plan = result.parameters, result.active_parameters, result.plan
    share = "" if active == count else f", of which each token uses {_count(active)}"
    about = "about " if result.estimated else ""
    facts = [
        ("model", f"{result.name}: {about}{_count(count)} parameters{share}, context {plan.spec.context:,}"),
        ("known from", _SOURCES[result.known_from]),
        *([] if result.remark is None else [("", result.remark)]),
        *([] if result.stored_bytes is None else [("weight files", _stored(result))]),
        ("runs on", _computer_line(plan.computer)),
    ]
    lines = [f"{name:<14}{text}" for name, text in facts]
    lines += [
        "",
        *_memory_table(plan.precisions),
        "",
        *_speed_table([each for each in plan.precisions if each.fits] or plan.precisions),
    ]
    if result.speeds_assumed:
        lines.append("Speeds are for orientation: what share of such hardware's limits is reached was not measured.")
    verdict = f"Take {result.recommended}: " if result.recommended else "It does not fit. "
    lines += ["", verdict + plan.reason]
    if result.recommended and not result.estimated and plan.computer.measured:
        lines.append(f"    {_command(result)}")
    return "\n".join(lines) + "\n"


def _stored(result: ModelFit) -> str:
    needed, free = result.stored_bytes or 0, result.disk_free
    if result.here:
        return f"{_size(needed)}, on this machine"
    room = (
        "" if free is None else f"; its disk has {_size(free)} free{', which is too little' if free < needed else ''}"
    )
    return f"{_size(needed)}, to be downloaded{room}"


def _computer_line(computer: Computer) -> str:
    low, usual, high = (
        each / 1e9 for each in (computer.bandwidth.low, computer.bandwidth.usual, computer.bandwidth.high)
    )
    moves = f", between {low:.0f} and {high:.0f}" if high > 1.05 * low else ""
    room = "free" if computer.measured else "for models"
    return f"{computer.name}: {computer.memory / 1e9:.1f} GB {room}, read at {usual:.0f} GB/s{moves}"


def _memory_table(precisions: Sequence[Precision]) -> list[str]:
    """What each precision takes."""
    heads = zip((10, 14, 10, 10, 17), ("weights", "1,000 tokens", "working", "in all", "longest context"), strict=True)
    return [
        f"{'memory':<14}{'fits':<6}" + "".join(f"{head:>{width}}" for width, head in heads),
        *(
            f"{each.form.name:<14}{'yes' if each.fits else 'no':<6}{_size(each.form.weight_bytes):>10}"
            f"{_size(each.cache_bytes):>14}{_size(each.working_bytes):>10}{_size(each.needed_bytes):>10}"
            f"{f'{each.context:,} tokens' if each.context else '–':>17}"
            for each in precisions
        ),
    ]


def _speed_table(precisions: Sequence[Precision]) -> list[str]:
    """How fast each precision reads and writes."""
    depths = [depth for depth, _ in precisions[0].decode]
    behind = "".join(f"{f'after {depth:,}' if depth else 'writes':>18}" for depth in depths)
    lines = [f"{'tokens/s':<14}{behind}{'reads':>9}{'2,000 tokens take':>20}"]
    for each in precisions:
        speeds = "".join(f"{_range(span):>18}" for _, span in each.decode)
        reads = each.prefill[0][1]
        first = each.first_token_seconds
        lines.append(
            f"{each.form.name:<14}{speeds}{'–' if reads is None else _speed(reads):>9}"
            f"{'–' if first is None else f'{_digits(first)} s':>20}"
        )
    return lines


def _range(span: Span) -> str:
    if span.high <= 1.1 * span.low:
        return _speed(span.usual)
    return f"{_speed(span.usual)} ({_speed(span.low)}–{_speed(span.high)})"


def _speed(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _digits(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 20 else f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2f}"


def _count(parameters: float) -> str:
    return f"{parameters / 1e9:,.1f} B" if parameters >= 0.95e9 else f"{parameters / 1e6:,.0f} M"


def _size(count: int) -> str:
    if count >= 100e9:
        return f"{count / 1e9:,.0f} GB"
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _command(result: ModelFit) -> str:
    """What to type to take what is recommended."""
    first = result.plan.precisions[0].form.name
    if result.recommended == first:
        return f"causerie chat {result.name}"
    option = "--dtype" if result.recommended == "bfloat16" else "--quantization"
    return f"causerie chat {result.name} {option} {result.recommended}"
