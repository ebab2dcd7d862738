"""bench/forecast.py on the built-in model: a line for each prediction, and memory that is as predicted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def test_predictions_stand_beside_measurements(project: Path, tmp_path: Path) -> None:
    script, file = project / "bench" / "forecast.py", tmp_path / "lines.json"
    words = ["builtin", "--quantization", "none,int8", "--depth", "0,64", "--rounds", "1", "--json", str(file)]
    done = subprocess.run([sys.executable, "-W", "error", script, *words], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    lines = json.loads(file.read_text())
    told = [(line["format"], line["what"], line["depth"]) for line in lines]
    each = [("weights", 0), ("prefill", 0), ("decode", 0), ("prefill", 64), ("decode", 64), ("memory", 64)]
    assert told == [(format, *pair) for format in ("bfloat16", "int8") for pair in each]
    assert all(line["predicted"] > 0 and line["measured"] > 0 for line in lines)
    for line in lines:
        if line["what"] == "weights":
            assert line["predicted"] == pytest.approx(line["measured"], rel=0.03)
    assert done.stdout.splitlines()[-1].startswith("memory: ") and done.stdout.count("| builtin |") == len(lines)
