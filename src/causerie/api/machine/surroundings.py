"""What else went on in this machine while something ran, by counters of the system that are read before and after.

Says what was counted and judges nothing. Knows no model.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # only where there is no such call
    resource = None  # type: ignore[assignment]

_BUSY = (0, 1, 2, 5, 6, 7)
"""Fields of a line of /proc/stat: user, nice, system, irq, softirq, and what the machine below took for itself."""
LEAST_SECONDS = 0.5
"""Between two moments: the system counts in hundredths of a second."""


@dataclass(frozen=True)
class Surroundings:
    """Between two moments. None where the system does not say, or they are too near to each other."""

    processors: int  # that this process may use
    others: float | None  # of these, kept busy by other programs
    disk_bytes: int | None  # of this process's memory, that had to be fetched from the disk


@dataclass(frozen=True)
class Moment:
    """Counters of the system at one moment."""

    clock: float
    own_seconds: float  # of processors, by all threads of this process
    busy_seconds: float | None  # of the processors that it may use, by everybody
    faults: int | None  # pages that came from the disk

    @staticmethod
    def now(root: Path = Path("/")) -> Moment:
        """This one. `root` is where /proc is."""
        faults = None if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_majflt
        return Moment(time.monotonic(), time.process_time(), _busy_seconds(root), faults)

    def until(self, later: Moment) -> Surroundings:
        """What went on from here to there."""
        seconds, processors = later.clock - self.clock, len(_allowed())
        others = disk = None
        if self.busy_seconds is not None and later.busy_seconds is not None and seconds >= LEAST_SECONDS:
            busy = later.busy_seconds - self.busy_seconds
            own = later.own_seconds - self.own_seconds
            others = min(float(processors), max(0.0, (busy - own) / seconds))
        if self.faults is not None and later.faults is not None:
            disk = (later.faults - self.faults) * os.sysconf("SC_PAGE_SIZE")
        return Surroundings(processors, others, disk)


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _busy_seconds(root: Path) -> float | None:
    """None where the system does not count, or counts nothing."""
    try:
        lines = (root / "proc/stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    names, ticks = {f"cpu{number}" for number in _allowed()}, 0
    for line in lines:
        name, *fields = line.split() or [""]
        if name in names:
            ticks += sum(int(fields[place]) for place in _BUSY if place < len(fields))
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else None
