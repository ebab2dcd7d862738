"""What every test may ask for: the conformance folder, one hypothesis profile, and how many processes share the tests.
Knows no part of the program."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# Machines that run this are shared: a deadline per example would fail at random, and a run must be repeatable.
settings.register_profile(
    "causerie", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("causerie")

# Tiny matrices gain nothing from threads, and those of several processes would wait for each other. torch reads this
# when it is imported, which is later. Our kernels have threads of their own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What a shell starts in the background ignores Ctrl-C, and so would every process that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

MOST_PROCESSES = 8  # each holds torch, transformers and its own tiny models, together about a gigabyte


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """With `-n auto` a process for each core that may be used, however the machine calls them, within reason."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_PROCESSES)


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The conformance folder: $CAUSERIE_CONFORMANCE, or shared/conformance beside the project; skips where absent."""
    named = os.environ.get("CAUSERIE_CONFORMANCE")
    folder = Path(named) if named else ROOT.parent / "shared" / "conformance"
    if not folder.is_dir():
        pytest.skip(f"no conformance folder at {folder}; set CAUSERIE_CONFORMANCE to it")
    return folder


@pytest.fixture
def no_smollm2(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package with SmolLM2 is not installed."""
    monkeypatch.setattr("causerie.builtin.smollm2.find_spec", lambda name: None)
