"""What went on in the machine between two moments, by files that are made up, and that the real ones are read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from causerie.api.machine.surroundings import Moment, Surroundings, _allowed

TICKS = os.sysconf("SC_CLK_TCK")


def test_the_rest_of_what_is_busy_are_others() -> None:
    processors = len(_allowed())
    begun, ended = Moment(10.0, 1.0, 100.0, 5), Moment(20.0, 7.0, 109.0, 9)
    page = os.sysconf("SC_PAGE_SIZE")
    assert begun.until(ended) == Surroundings(processors, pytest.approx(0.3), 4 * page)  # type: ignore[arg-type]
    assert begun.until(Moment(20.0, 11.0, 109.0, 5)).others == 0.0  # counted a little apart
    assert begun.until(Moment(20.0, 1.0, 900.0, 5)).others == processors


def test_what_the_system_does_not_say_is_not_known() -> None:
    begun = Moment(10.0, 1.0, None, None)
    assert begun.until(Moment(20.0, 7.0, 109.0, 9)) == Surroundings(len(_allowed()), None, None)
    assert Moment(10.0, 1.0, 5.0, 0).until(Moment(10.4, 1.0, 5.1, 0)).others is None  # too near


def test_processors_of_others_do_not_count(tmp_path: Path) -> None:
    mine = min(_allowed())
    (tmp_path / "proc").mkdir()
    stat = tmp_path / "proc" / "stat"
    stat.write_text(f"cpu  9 9 9 9\ncpu{mine} {TICKS} 0 {TICKS} 999 999 0 0 {TICKS}\ncpu99999 {TICKS} 0 0 0\nbtime 5\n")
    assert Moment.now(tmp_path).busy_seconds == 3.0  # not idle, not waiting for the disk
    stat.write_text("cpu  0 0 0 0\n")
    assert Moment.now(tmp_path).busy_seconds is None
    assert Moment.now(tmp_path / "nowhere").busy_seconds is None


def test_this_machine_is_read() -> None:
    begun = Moment.now()
    while time.process_time() < begun.own_seconds + 0.05:
        pass
    ended = Moment.now()
    assert ended.clock > begun.clock and ended.own_seconds >= begun.own_seconds + 0.05
    assert (ended.faults is None) == (begun.faults is None)
