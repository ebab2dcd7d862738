"""What every test may ask for: the conformance folder, and one hypothesis profile. Knows no part of the program."""

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

# What a shell starts in the background ignores Ctrl-C, and so would every process that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
