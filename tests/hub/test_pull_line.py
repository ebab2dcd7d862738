"""The line that says how far a download is."""

from __future__ import annotations

import io

import pytest

from causerie.hub import pull_line
from causerie.hub.pull_line import PullLine, line, span


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_says_how_much_how_fast_and_how_long() -> None:
    half = line("org/m", 3_000_000_000, 6_000_000_000, 50e6, "")
    assert half == f"org/m {'█' * 12}{'░' * 12} 3.00 of 6.00 GB, 50.0 MB/s, 1 min 0 s left"
    assert line("org/m", 5, 5, 0.0, "") == f"org/m {'█' * 24} 0.00 of 0.00 GB, 0.0 MB/s"
    assert line("org/m", 0, 8, 0.0, "waiting") == f"org/m {'░' * 24} waiting"
    assert [span(each) for each in (0.4, 59, 61, 7_260)] == ["0 s", "59 s", "1 min 1 s", "2 h 1 min"]


def test_it_is_drawn_on_a_terminal_alone_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(pull_line.time, "monotonic", lambda: clock[0])
    for out, drawn in ((Terminal(), True), (io.StringIO(), False)):
        clock[0] = 0.0
        shown = PullLine(out, "org/m")
        shown(0, 10_000_000_000, "")
        assert out.getvalue() == ""  # what is done at once needs no line
        clock[0] = 2.0
        shown(2_000_000_000, 10_000_000_000, "")
        assert ("2.00 of 10.00 GB, 1000.0 MB/s, 8 s left" in out.getvalue()) == drawn
        shown.clear()
        assert out.getvalue().endswith("\r\x1b[K") == drawn
