"""What this process may use: cores, memory, and what the processor can do; and, measured, what memory gives.

A container's limits count, since the machine's own numbers are not what we get. `Hardware` reads files of the system
and nothing else; `Probe` measures, by the native library. Graphics cards are probed by `backends/torch`, because asking
costs an import of torch.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hardware:
    """A probe of this machine at one moment; memory in bytes."""

    cores: int
    """Logical processors this process may keep busy: its affinity, and its share of time in a container."""
    physical_cores: int
    """The same with two threads of one core counted once; at most `cores`."""
    memory_total: int
    """What the machine has, or the container's limit where that is less."""
    memory_free: int | None
    """What could be allocated now without swapping; None where the system does not say."""
    processor: str
    """The processor's name, "unknown" where the system does not say."""
    instructions: frozenset[str]
    """Instruction sets, as Linux names them: avx2, avx512f, avx512_bf16, asimddp …; empty where unknown."""

    @staticmethod
    def probe(root: Path = Path("/")) -> Hardware:
        """Looks at this machine. `root` is where its /proc and /sys are."""
        allowed = _affinity()
        share = _share_of_time(root)
        cores = max(1, min(len(allowed), share or len(allowed)))
        total, free = _memory(root)
        name, flags = _processor(root)
        return Hardware(cores, min(cores, _physical(allowed, root)), total, free, name, flags)


def _affinity() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control group and of all above it: each may set a limit, the smallest holds.

    Version 2 has one tree ("0::/path"), version 1 one for each controller ("4:cpu,cpuacct:/path"). Inside a container
    the path may be the host's and not exist; then the root of the tree is the container's own group.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, inner = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        tree = root / "sys/fs/cgroup" / (controllers if controllers else "")
        if controllers and not tree.is_dir():
            tree = root / "sys/fs/cgroup" / controller
        group = tree / inner.lstrip("/")
        while group != tree and tree in group.parents:
            yield group
            group = group.parent
        yield tree


def _share_of_time(root: Path) -> int | None:
    """The whole cores' worth of time that the control group grants, at least 1; None without a limit."""
    shares = []
    for group in _groups(root, "cpu"):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
        if quota.strip().isdigit() and period.strip().isdigit() and int(period):
            shares.append(int(quota) / int(period))
    # Rounded down: a thread without time of its own makes all others wait at the next barrier.
    return max(1, int(min(shares))) if shares else None


def _physical(allowed: set[int], root: Path) -> int:
    cores = set()
    for number in allowed:
        topology = root / f"sys/devices/system/cpu/cpu{number}/topology"
        siblings = _read(topology / "thread_siblings_list").strip()
        cores.add(siblings or str(number))
    return max(1, len(cores))


def _memory(root: Path) -> tuple[int, int | None]:
    """Total and free bytes: the machine's, or a control group's where that is less."""
    fields = {}
    for line in _read(root / "proc/meminfo").splitlines():
        key, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdigit():
            fields[key] = int(words[0]) * 1024
    if "MemTotal" not in fields:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), None
    total = fields["MemTotal"]
    free = fields.get("MemAvailable", fields.get("MemFree", total))
    for group in _groups(root, "memory"):
        limit, usage = _group_memory(group)
        if limit is not None and limit < fields["MemTotal"]:
            total, free = min(total, limit), min(free, max(0, limit - usage))
    return total, free


def _group_memory(group: Path) -> tuple[int | None, int]:
    """A group's limit, None without one, and what it uses beyond the file cache, which the kernel drops at need."""
    limit = _read(group / "memory.max").strip() or _read(group / "memory.limit_in_bytes").strip()
    usage = _read(group / "memory.current").strip() or _read(group / "memory.usage_in_bytes").strip()
    if not limit.isdigit() or not usage.isdigit():
        return None, 0
    dropped = 0
    for line in _read(group / "memory.stat").splitlines():
        key, _, value = line.partition(" ")
        # Version 1 counts a group alone in inactive_file and with its children in the total_ of it.
        if key in ("inactive_file", "total_inactive_file") and value.isdigit():
            dropped = max(dropped, int(value))
    return int(limit), max(0, int(usage) - dropped)


def _processor(root: Path) -> tuple[str, frozenset[str]]:
    """Name and instruction sets of the first processor; Intel and AMD say `flags`, Arm says `Features`."""
    name, flags = "", frozenset[str]()
    for line in _read(root / "proc/cpuinfo").splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name" and not name:
            name = value
        elif key in ("flags", "Features") and not flags:
            flags = frozenset(value.split())
        if name and flags:
            break
    return name or platform.processor() or platform.machine() or "unknown", flags


ARITHMETIC = ("float32", "bfloat16", "int8")


class Probe:
    """What memory and arithmetic give to `threads` threads now. Bandwidth is read between measurements: on a machine
    shared with others it changes within minutes, and only what was measured beside it can be compared with it."""

    def __init__(self, threads: int, instruction_set: str | None = None) -> None:
        """Raises BackendUnavailable where the native library, whose kernels measure, cannot run."""
        from causerie.backends.native.meter import READ_BYTES, Meter

        self._meter = Meter(threads, instruction_set)
        self._rounds: list[float] = []
        self.bytes_held = READ_BYTES
        self.instruction_set = self._meter.machine.instruction_set.name

    def bandwidth(self, seconds: float = 0.1) -> float:
        """Bytes per second read from memory in one round."""
        self._rounds.append(self._meter.bandwidth(seconds))
        return self._rounds[-1]

    def peaks(self) -> dict[str, float]:
        """Operations per second by kind of arithmetic (`Format.arithmetic`), of those that could be measured. Where
        there is no instruction for bfloat16 it is multiplied as float32, which it is then said to be."""
        return _known({kind: self._meter.operations(kind) for kind in ARITHMETIC})

    def sustained_bandwidth(self, seconds: float = 0.1) -> float:
        """What memory gives in the mean over so long. On a machine shared with others that is less than the best
        moment, by which shares of a limit are told, and it is what a model gets."""
        return self._meter.bandwidth(seconds, sustained=True)

    def sustained_peaks(self, seconds: float = 0.05) -> dict[str, float]:
        """What each kind of arithmetic gives in the mean over so long."""
        return _known({kind: self._meter.operations(kind, seconds, sustained=True) for kind in ARITHMETIC})

    def lately(self, rounds: int) -> float:
        """The median of the last so many rounds."""
        from statistics import median  # as below

        return median(self._rounds[-rounds:])

    @property
    def best(self) -> float:
        """Of all rounds so far, of which there must have been one."""
        return max(self._rounds)

    @property
    def median(self) -> float:
        """Of all rounds so far."""
        from statistics import median  # costs 40 ms, and every chat begins with this module

        return median(self._rounds)


def _known(measured: Mapping[str, float | None]) -> dict[str, float]:
    peaks = {kind: value for kind, value in measured.items() if value is not None}
    if "float32" in peaks:
        peaks.setdefault("bfloat16", peaks["float32"])
    return peaks


def peak_memory(root: Path = Path("/")) -> int | None:
    """The most bytes this process has had in memory since it began, or since `forget_peak_memory`; None where the
    system does not say."""
    for line in _read(root / "proc/self/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def forget_peak_memory(root: Path = Path("/")) -> bool:
    """Lets the peak begin again from what is in memory now; whether the system could."""
    try:
        (root / "proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def give_back_memory() -> None:
    """Gives the system what this process has freed and its allocator keeps: of threads that quantized weights up to
    some ten megabytes each. Where the C library has no such call, nothing."""
    import ctypes  # every chat begins with this module

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
