"""`causerie bench`: what it refuses, what it prints, and that its figures fit together. Speed itself is not tested."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from causerie.cli import main
from causerie.cli.verbs import bench

Command = Callable[..., subprocess.CompletedProcess[bytes]]
ROW = {"test", "format", "cache_dtype", "prompt", "depth", "batch"}
ROW |= {"tokens_per_second", "expected_tokens_per_second", "share_of_limit", "peak_memory_bytes", "expert_reads"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--batch", "0"], "Argument --batch: 0 in '0' is less than 1. "),
        (["--batch", "1,x"], "Argument --batch: 'x' in '1,x' is not a whole number. "),
        (["--depth=-1"], "Argument --depth: -1 in '-1' is less than 0. "),
        (["--threads", "0"], "Argument --threads: '0' is less than 1. "),
        (["--threads", "10000"], "--threads is 10000; 1 to 1024 threads can be had."),
        (["--prompt", "0", "--generate", "0"], "--prompt 0 and --generate 0 leave nothing to measure. "),
        (["--quantization", "int9"], "Unknown quantization 'int9'. Known, nearest first: "),
        (["--cache-dtype", "int3"], "Unknown cache dtype 'int3'. Known, nearest first: "),
        (["--quantization", "none,,"], "Argument --quantization: 'none,,' has nothing between two commas"),
        (["--backend", "torch", "--profile"], "--profile times the native backend's instructions; --backend torch has"),
        (["--repeat", "0"], "Argument --repeat: '0' is less than 1. "),
        (["--dept", "1"], "Unknown option of `causerie bench` '--dept'. Known, nearest first: --depth, "),
    ],
)
def test_mistakes_are_sentences(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["bench", *words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"causerie: {says}") and captured.out == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--depth", "9999999"],
            "A prefill of 512 tokens at depth 9999999 makes 10000511, and the model's context holds",
        ),
        (["--batch", "1,4000"], "4000 sequences were asked to decode at once, and a step holds 512 tokens. "),
    ],
)
def test_what_a_model_cannot_do_is_said_before_it_loads(
    model_name: str, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["bench", model_name, *words]) == 2
    assert capsys.readouterr().err.startswith(f"causerie: {says}")


def test_trials_are_every_combination_once_and_by_depth() -> None:
    options = bench.parser(80).read(["--depth", "8,0,8", "--prompt", "4,2", "--generate", "3", "--batch", "1,2"])
    described = [(trial.kind, trial.tokens, trial.depth, trial.batch) for trial in bench.trials_of(options)]
    each = [("prefill", 4), ("prefill", 2), ("decode", 3), ("decode", 3)]
    batches = [1, 1, 1, 2]
    assert described == [(*what, depth, n) for depth in (0, 8) for what, n in zip(each, batches, strict=True)]


def test_a_run_ends_in_one_line_of_json(model_name: str, command: Command) -> None:
    words = [
        "--prompt",
        "16",
        "--generate",
        "4",
        "--depth",
        "0,40",
        "--batch",
        "1,3",
        "--repeat",
        "2",
        "--threads",
        "1",
        "--cache-dtype",
        "int8",
    ]
    done = command("bench", model_name, *words, "--json", "--quantization", "none,int8")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    report = json.loads(lines[-1])
    assert report["probe"]["bandwidth_gbs"] > 0 and report["probe"]["threads"] == 1
    assert [(row["test"], row["depth"], row["batch"]) for row in report["rows"]] == [
        (test, depth, batch)
        for _ in range(2)
        for depth in (0, 40)
        for test, batch in (("prefill", 1), ("decode", 1), ("decode", 3))
    ]
    assert [row["format"] for row in report["rows"][6:]] == ["int8"] * 6
    for row in report["rows"]:
        assert row.keys() == ROW and row["cache_dtype"] == "int8"
        assert row["tokens_per_second"] > 0 and row["peak_memory_bytes"] > 0 and row["expected_tokens_per_second"] > 0
        assert row["prompt"] == (16 if row["test"] == "prefill" else 0)
    assert len([line for line in lines if line.startswith(("prefill ", "decode "))]) == 12


def test_a_profile_says_where_a_step_went(model_name: str, command: Command) -> None:
    words = ("--prompt", "0", "--generate", "2", "--repeat", "1", "--threads", "1", "--profile")
    done = command("bench", model_name, *words)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode()
    assert " × linear " in shown and " × the rest" in shown
    shares = [float(line.split(" %")[0]) for line in shown.splitlines() if " × " in line]
    assert 95 <= sum(shares) <= 105
