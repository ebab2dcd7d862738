"""`make chat` in a clone: it says what it is doing, and how long it took. Nothing is really installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
  mkdir -p .venv/bin
  cp "$0" .venv/bin/python
  printf '#!/bin/sh\\necho "talking: $*"\\n' > .venv/bin/causerie
  chmod +x .venv/bin/causerie
fi
[ "$STOPS_AT" = "" ] || case "$*" in *"$STOPS_AT"*) echo "no such thing" >&2; exit 1;; esac
"""
STAGES = [
    "Making .venv",
    "Fetching the packages that Causerie needs",
    "Compiling its kernels",
    "Fetching SmolLM2, a small chat model of 93 MB",
]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what `make` looks at, and a Python that does nothing."""
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    for name in ("Makefile", "pyproject.toml", "CMakeLists.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def make(clone: Path, target: str = "chat", **settings: str) -> subprocess.CompletedProcess[str]:
    """As where no other `make` runs it, which would have it say more."""
    words = ["make", target, "PYTHON=./python", "CXX=true", "ARGS=-p Hello"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(words, cwd=clone, capture_output=True, text=True, timeout=120, env=environment | settings)


def test_make_chat_names_its_stages_with_their_time(clone: Path) -> None:
    done = make(clone)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(.*) … \d+ s$", done.stdout, re.M) == STAGES
    assert done.stdout.endswith("talking: chat -p Hello\n")
    assert make(clone).stdout == "talking: chat -p Hello\n"  # all of it once


def test_without_the_small_model_the_built_in_one_talks(clone: Path) -> None:
    done = make(clone, STOPS_AT="smollm2")
    assert done.returncode == 0 and "a small chat model of 93 MB … failed\n" in done.stdout
    assert "the built-in assistant talks; `make smollm2` tries again.\ntalking: chat -p Hello\n" in done.stdout
    assert make(clone, STOPS_AT="smollm2").stdout == "talking: chat -p Hello\n"  # not tried each time
    again = make(clone, "smollm2")
    assert re.fullmatch(r"Fetching SmolLM2, a small chat model of 93 MB … \d+ s\n", again.stdout)


def test_a_stage_that_fails_ends_it(clone: Path) -> None:
    done = make(clone, STOPS_AT="--editable")
    assert done.returncode != 0 and "Compiling its kernels … failed\n" in done.stdout
    assert "no such thing" in done.stderr and "talking" not in done.stdout
