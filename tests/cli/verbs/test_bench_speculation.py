"""`causerie bench --speculation`: what it refuses, what it prints, and that its figures fit together. Speed itself is
not tested."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from causerie.cli import main

Command = Callable[..., subprocess.CompletedProcess[bytes]]
TEXTS = ["code, once more", "a list as JSON", "prose", "an explanation"]
LITTLE = ("--generate", "30", "--repeat", "1", "--threads", "1", "--json")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--speculation", "off"], "--speculation off guesses nothing, so there is nothing to measure."),
        (["--speculation", "--depth", "8"], "--depth does nothing with --speculation, which has texts of its own."),
        (["--speculation", "--profile"], "--profile does nothing with --speculation"),
        (["--speculation", "--generate", "1,2"], "--generate takes one value with --speculation, and got 2."),
        (["--speculation", "--quantization", "int8,int4"], "--quantization takes one value with --speculation"),
        (["--speculation", "--generate", "1"], "--generate is 1; a speed can be told of answers of 2 tokens or more."),
        (["--speculation", "everything"], "Unknown speculation 'everything'. Known, nearest first: "),
        (["--draft", "builtin"], "--draft guesses tokens, which only --speculation measures."),
    ],
)
def test_mistakes_are_sentences(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["bench", "builtin", *words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"causerie: {says}") and captured.out == ""


def test_a_run_ends_in_one_line_of_json(model_name: str, command: Command) -> None:
    done = command("bench", model_name, "--speculation", "shadow", *LITTLE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    report = json.loads(lines[-1])
    rows = report["rows"]
    names = ["lookup", "chats", "shadow", "together"]
    assert report["threads"] == 1
    assert [(row["drafter"], row["text"]) for row in rows] == [(name, text) for name in names for text in TEXTS]
    for row in rows:
        assert row["tokens_per_second_without"] > 0 and row["times_as_fast"] > 0
        assert row["drafted"] >= row["accepted"] >= 0 and len(row["rounds"]) == len(row["bandwidth_gbs"]) == 1
        assert row["format"] == "bfloat16"
    assert len([line for line in lines if line.startswith(tuple(TEXTS))]) == len(rows)
