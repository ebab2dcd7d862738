"""`causerie bench --speculation`: how many times as fast a model answers with guesses as without, by who guesses.

Everything that can be wrong in the options is said before the model loads. It times nothing itself:
api/measurement/speculation_benchmark.py does.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from causerie.cli.options.arguments import Parser
from causerie.errors import UsageError
from causerie.settings import Settings

if TYPE_CHECKING:
    from causerie.api.measurement.speculation_benchmark import Comparison
    from causerie.api.options.load_options import LoadOptions

_OTHERS = ("prompt", "depth", "batch", "profile")
"""Options of the other measurement."""


def run_speculation(options: argparse.Namespace, loading: LoadOptions, parser: Parser) -> int:
    """Measures and prints, and returns the exit code; `parser` is what read the options. Raises CauserieError."""
    tokens = _tokens(options, parser)

    from causerie.api.loading.load import open_model
    from causerie.api.measurement.benchmark import Limit
    from causerie.api.measurement.speculation_benchmark import benchmark_speculation
    from causerie.api.options.quantization import quant_config

    loading = replace(loading, quantization=quant_config(options.quantization[0], None))
    limit = Limit.measured(options.threads, Settings.from_environment())
    rows = []
    with open_model(options.model, loading) as model:
        print(f"{options.model} in {model.format}: {limit.threads} threads ({limit.probe.instruction_set})")
        _line("text", "guessed by", "tokens/s without", "times as fast", "lowest–highest", "right", "memory GB/s")
        for comparison in benchmark_speculation(model, tokens, options.repeat, limit.probe.bandwidth):
            _row(comparison)
            rows.append(_values(comparison) | {"format": model.format})
    print(f"memory over the whole run: {limit.probe.median / 1e9:.1f} GB/s, at best {limit.probe.best / 1e9:.1f}")
    if options.json:
        print(json.dumps({"threads": limit.threads, "rows": rows}))
    return 0


def _tokens(options: argparse.Namespace, parser: Parser) -> int:
    """How long an answer is. Raises UsageError for options that would do nothing, or that leave nothing to measure."""
    if options.speculation == "off":
        raise UsageError("--speculation off guesses nothing, so there is nothing to measure. Leave off out.")
    for name in _OTHERS:
        if getattr(options, name) != parser.get_default(name):
            raise UsageError(f"--{name} does nothing with --speculation, which has texts of its own. Leave one out.")
    for name in ("generate", "quantization"):
        if len(getattr(options, name)) > 1:
            raise UsageError(f"--{name} takes one value with --speculation, and got {len(getattr(options, name))}.")
    (tokens,) = options.generate
    if tokens < 2:
        raise UsageError(f"--generate is {tokens}; a speed can be told of answers of 2 tokens or more.")
    return int(tokens)


def _values(comparison: Comparison) -> dict[str, Any]:
    return {
        "text": comparison.text,
        "drafter": comparison.drafter,
        "tokens_per_second_without": round(comparison.speed, 2),
        "times_as_fast": round(comparison.ratio, 3),
        "rounds": [round(ratio, 3) for ratio in comparison.ratios],
        "drafted": comparison.drafted,
        "accepted": comparison.accepted,
        "bandwidth_gbs": [round(each / 1e9, 2) for each in comparison.bandwidths],
    }


def _row(comparison: Comparison) -> None:
    ratios, widths = comparison.ratios, comparison.bandwidths
    right = f"{comparison.accepted} of {comparison.drafted}" if comparison.drafted else "none guessed"
    _line(
        comparison.text,
        comparison.drafter,
        f"{comparison.speed:.1f}",
        f"{comparison.ratio:.2f}",
        f"{min(ratios):.2f}–{max(ratios):.2f}",
        right,
        f"{min(widths) / 1e9:.0f}–{max(widths) / 1e9:.0f}",
    )


def _line(text: str, drafter: str, *columns: str) -> None:
    right = "".join(f"{column:>{width}}" for column, width in zip(columns, (18, 15, 16, 15, 13), strict=True))
    print(f"{text:<17}{drafter:<12}{right}", flush=True)
