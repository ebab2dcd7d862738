"""The probe of bandwidth and arithmetic on this machine, by what must hold anywhere, and the reading of peak memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from causerie.errors import UsageError
from causerie.plan.hardware import Probe, forget_peak_memory, peak_memory


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe(1)


def test_memory_gives_something_that_memory_can_give(probe: Probe) -> None:
    rounds = [probe.bandwidth(0.01) for _ in range(3)]
    # Between a very slow board and more than any socket has; if reading were optimized away it would be far beyond.
    assert all(1e8 < reading < 2e12 for reading in rounds)
    assert probe.best == max(rounds) and min(rounds) <= probe.median <= probe.best


def test_narrower_operands_are_not_slower(probe: Probe) -> None:
    peaks = probe.peaks()
    if not peaks:
        pytest.skip("this library measures no arithmetic for this instruction set")
    assert set(peaks) == {"float32", "bfloat16", "int8"}
    # One thread on a machine that others use too: a factor of two of doubt.
    assert 1e9 < peaks["float32"] < 2 * peaks["bfloat16"] < 4 * peaks["int8"] < 1e14


@pytest.mark.parametrize("threads", [0, 10_000])
def test_impossible_threads_are_a_sentence(threads: int) -> None:
    with pytest.raises(UsageError, match=f"threads is {threads}; 1 to 1024"):
        Probe(threads)


def test_peak_memory_is_read_and_begins_again(tmp_path: Path) -> None:
    status = tmp_path / "proc/self/status"
    status.parent.mkdir(parents=True)
    status.write_text("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n")
    assert peak_memory(tmp_path) == 2048 * 1024
    assert peak_memory(tmp_path / "nowhere") is None
    assert forget_peak_memory(tmp_path) and (status.parent / "clear_refs").read_text() == "5"
    assert not forget_peak_memory(tmp_path / "nowhere")
