"""The probe of bandwidth and arithmetic on this machine, by what must hold anywhere, and the reading of peak memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from causerie.backends.native import meter
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


class Clock:
    """A machine on which each pass takes as long as is written, by a clock of its own."""

    def __init__(self, *passes: float) -> None:
        self.now, self.passes, self.threads = 0.0, list(passes), 2

    def perf_counter(self) -> float:
        return self.now

    def multiply(self, *_: int) -> int:
        self.now += self.passes.pop(0)
        return 100

    def read(self, *_: int) -> None:
        self.now += self.passes.pop(0)


@pytest.mark.parametrize(("sustained", "expected"), [(False, 100 / 0.5), (True, 300 / 4.5)])
def test_what_is_sustained_counts_the_slow_passes(
    probe: Probe, sustained: bool, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where others take the processor every other moment: the best pass is not what a model gets."""
    clock = Clock(1.0, 3.0, 0.5)
    monkeypatch.setattr(meter, "time", clock)
    monkeypatch.setattr(probe._meter, "machine", clock)
    assert probe._meter.operations("int8", 4.2, sustained=sustained) == pytest.approx(expected)
    clock.passes = [1.0, 3.0, 0.5]
    gigabytes = probe._meter.bandwidth(4.2, sustained=sustained) / meter.READ_BYTES
    assert gigabytes == pytest.approx(expected / 100)


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
