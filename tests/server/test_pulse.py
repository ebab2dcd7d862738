"""An engine's process that stands still is replaced, one that works long is not; pauses between starts end."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from causerie.errors import EngineError
from causerie.server.processes import pulse
from causerie.server.processes.engine_link import EngineLink
from causerie.server.processes.jobs import Beat, Detokenize, EngineOptions
from causerie.server.processes.pulse import COMPUTING_SECONDS, STARTING_SECONDS, STILL_SECONDS, Pulse, RestartPause


def beat(steps: int = 0, running: int = 0, cpu_seconds: float = 0.0) -> Beat:
    return Beat(steps, running, 0, 0, 0, 0, 0, 0, 0, 0, cpu_seconds)


def followed(seconds: float, cores: float, running: int = 1, steps: float = 0.0) -> Pulse:
    """The pulse of a process that began at 0, computed on so many cores and made so many steps a second."""
    pulse = Pulse(0.0)
    for place in range(int(seconds * 4) + 1):
        now = place / 4
        pulse.read(beat(int(now * steps), running, now * cores), now)
    return pulse


def test_what_works_or_rests_is_left_alone() -> None:
    assert followed(3600, 0.002, running=0).standstill(3600) is None  # nothing to do for an hour
    assert followed(3600, 1.5, steps=0.01).standstill(3600) is None  # a step takes 100 s on this machine
    assert followed(500, 0.9).standstill(500) is None  # so does the first, of a large model
    assert followed(500, 0.05).standstill(500) is None  # whose weights come from a slow disk
    assert Pulse(0.0).standstill(STARTING_SECONDS) is None


def test_what_stands_still_is_told() -> None:
    idle = followed(STILL_SECONDS + 1, 0.002)
    assert "does nothing" in (idle.standstill(STILL_SECONDS + 1) or "")
    assert followed(STILL_SECONDS - 1, 0.002).standstill(STILL_SECONDS - 1) is None
    spinning = followed(COMPUTING_SECONDS + 1, 1.0)
    assert "computed one step" in (spinning.standstill(COMPUTING_SECONDS + 1) or "")
    silent = followed(10, 0.5, steps=5)
    assert silent.standstill(10 + STILL_SECONDS) is None
    assert "silent" in (silent.standstill(11 + STILL_SECONDS) or "")
    silent.resume(60)  # nobody listened
    assert silent.standstill(61) is None
    assert "silent" in (Pulse(0.0).standstill(STARTING_SECONDS + 1) or "")
    busy_then_idle = followed(20, 1.0)
    for place in range(4 * 31):
        busy_then_idle.read(beat(0, 1, 20 + place * 0.0005), 20 + place / 4)
    assert "does nothing" in (busy_then_idle.standstill(51) or "")


def test_health_tells_whether_requests_move() -> None:
    """The process beats and its engine is idle, and yet nobody is served: /health said 200."""
    pulse = followed(200, 0.002, running=0)
    assert pulse.trouble(200) is None
    assert pulse.trouble(200, waiting_since=150) is None
    assert "moved no request for 61 s" in (pulse.trouble(200, waiting_since=139) or "")
    pulse.move(170)
    assert pulse.trouble(200, waiting_since=10) is None
    assert followed(200, 1.0, running=1, steps=5).trouble(200, waiting_since=10) is None


def test_health_tells_a_process_that_does_not_beat_or_step() -> None:
    fresh = Pulse(100.0)
    assert fresh.trouble(100.0) == "is starting" == fresh.trouble(999.0) and fresh.lifetime(107.5) == 7.5
    quiet = followed(10, 0.002, running=0)
    assert quiet.trouble(15) is None and "been silent for 6 s" in (quiet.trouble(16) or "")
    quiet.resume(16)
    assert quiet.trouble(21) is None
    computing = followed(61, 1.0)
    assert followed(60, 1.0).trouble(60) is None
    assert "made no step for 61 s" in (computing.trouble(61) or "")
    computing.read(beat(1, 1, 61), 61)
    assert computing.trouble(62) is None


def test_pauses_between_starts_are_forgotten_after_a_good_minute() -> None:
    """They doubled for ever, and a server that had run for a week started its engine again after 10 s."""
    pause = RestartPause()
    assert [pause.after(1.0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert pause.after(60.0) == 10.0
    assert pause.after(61.0) == 0.2
    assert pause.after(1.0) == 0.4


def test_a_process_that_stands_still_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "STILL_SECONDS", 2.0)
    notes: list[str] = []

    async def run() -> None:
        link = EngineLink(EngineOptions(["builtin"]), notes.append, lambda error: notes.append(str(error)))
        await link.start()
        ask = lambda: link.value(lambda job: Detokenize(job, "builtin", [5, 6, 7]))  # noqa: E731
        try:
            before = await asyncio.wait_for(ask(), 60)
            assert link._child is not None
            stopped = link._child.process.pid
            os.kill(stopped, signal.SIGSTOP)
            with pytest.raises(EngineError, match="ended while it answered"):
                await asyncio.wait_for(ask(), 60)
            while link.trouble is not None:
                await asyncio.sleep(0.1)
            assert link._child is not None and link._child.process.pid != stopped
            assert await asyncio.wait_for(ask(), 60) == before and link.restarts == 1
        finally:
            await link.close()

    asyncio.run(run())
    # What to expect of a model is said as well where this machine was measured, as other tests may have it be.
    troubles = [note for note in notes if "is loaded" not in note]
    assert "silent" in troubles[0] and "starting it again" in troubles[1]
