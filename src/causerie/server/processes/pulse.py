"""How well a process of the server is, by the beats that it sends: whether it answers, and whether it must be replaced.

Knows no process: the time is passed in, in seconds of a clock that never goes back.
"""

from __future__ import annotations

from causerie.server.processes.jobs import Beat

SILENT_SECONDS = 5.0  # without a beat the process counts as stuck
STEP_SECONDS = 60.0  # without a step while something runs, or an event while somebody waits for one, too
STARTING_SECONDS = 120.0  # for the first beat; Python and its modules come from a slow disk, perhaps
STILL_SECONDS = 30.0
"""So long a process may be silent, or do nothing while something runs; then it is replaced. One that computes is not
idle, however long its step takes: a large model reads the first piece of a prompt in minutes on a slow machine."""
COMPUTING_SECONDS = 600.0  # of one step that computes; a loop without end is replaced after that
_IDLE_SHARE = 0.02  # of a core's time, and
_IDLE_CPU_SECONDS = 0.05  # at once: what beats themselves cost is below


class Pulse:
    """The beats of one process, from its start at `now` on."""

    def __init__(self, now: float) -> None:
        self.beat: Beat | None = None
        self._begun = now
        self._worked_cpu = 0.0  # seconds of its cores when it was last seen to work
        self.resume(now)

    def resume(self, now: float) -> None:
        """Forgets the time before `now`, in which nobody listened."""
        self._beat_at = self._step_at = self._worked_at = self._moved_at = now

    def move(self, now: float) -> None:
        """Something came of a request, or of the loading of a model."""
        self._moved_at = now

    def read(self, beat: Beat, now: float) -> None:
        """Takes a beat."""
        if self.beat is None or beat.steps != self.beat.steps or not beat.running:
            self._step_at = now
        worked = beat.cpu_seconds - self._worked_cpu
        if worked > _IDLE_CPU_SECONDS + _IDLE_SHARE * (now - self._worked_at):
            self._worked_cpu, self._worked_at = beat.cpu_seconds, now
        self.beat, self._beat_at = beat, now

    def lifetime(self, now: float) -> float:
        """Seconds since the start."""
        return now - self._begun

    def trouble(self, now: float, waiting_since: float | None = None) -> str | None:
        """Why the process does not answer; None while it makes steps or has nothing to do. `waiting_since` is when the
        oldest request came that it ought to move; None where there is none."""
        if self.beat is None:
            return "is starting"
        if now - self._beat_at > SILENT_SECONDS:
            return f"has been silent for {now - self._beat_at:.0f} s"
        if self.beat.running and now - self._step_at > STEP_SECONDS:
            return f"has made no step for {now - self._step_at:.0f} s"
        if waiting_since is None:
            return None
        still = now - max(waiting_since, self._moved_at, self._step_at if self.beat.running else 0.0)
        return f"has moved no request for {still:.0f} s" if still > STEP_SECONDS else None

    def standstill(self, now: float) -> str | None:
        """Why the process will not answer any more; None while it may."""
        silence, without_step = now - self._beat_at, now - self._step_at
        if silence > (STARTING_SECONDS if self.beat is None else STILL_SECONDS):
            return f"has been silent for {silence:.0f} s"
        if self.beat is None or not self.beat.running:
            return None
        if min(without_step, now - self._worked_at) > STILL_SECONDS:
            return f"has made no step for {without_step:.0f} s and does nothing"
        if without_step > COMPUTING_SECONDS:
            return f"has computed one step for {without_step:.0f} s"
        return None


class RestartPause:
    """How long to wait before a process starts again: longer each time, until one has run for a good minute."""

    SHORTEST = 0.2
    LONGEST = 10.0
    GOOD_SECONDS = 60.0

    def __init__(self) -> None:
        self._next = self.SHORTEST

    def after(self, lifetime: float) -> float:
        """Seconds to wait after a process that ran for `lifetime` seconds."""
        if lifetime > self.GOOD_SECONDS:
            self._next = self.SHORTEST
        pause, self._next = self._next, min(self.LONGEST, 2 * self._next)
        return pause
