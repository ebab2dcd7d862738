"""The probe of the machine, against systems made of files, and against this one."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path

import pytest

from causerie.plan.hardware import Hardware, give_back_memory

GIB = 2**30


def system(root: Path, files: dict[str, str]) -> Path:
    base = {
        "proc/meminfo": "Odd:\nWords: few\nMemTotal:  16777216 kB\nMemFree: 1024 kB\nMemAvailable:  8388608 kB\n",
        "proc/cpuinfo": "model name\t: Fast 9000\nflags\t\t: fpu avx2 avx512f\n\nmodel name\t: other\n",
    }
    for name, text in (base | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_this_machine() -> None:
    here = Hardware.probe()
    assert 1 <= here.physical_cores <= here.cores <= (os.cpu_count() or 1)
    assert here.memory_total > 2**28 and (here.memory_free is None or 0 <= here.memory_free <= here.memory_total)
    assert here.processor


def test_a_machine_without_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    siblings = {
        f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": f"{n % 2},{n % 2 + 2}\n" for n in range(4)
    }
    here = Hardware.probe(
        system(tmp_path, siblings | {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"})
    )
    assert (here.cores, here.physical_cores) == (4, 2)
    assert (here.memory_total, here.memory_free) == (16 * GIB, 8 * GIB)
    assert here.processor == "Fast 9000" and here.instructions == {"fpu", "avx2", "avx512f"}


V2 = {
    "proc/self/cgroup": "0::/box/inner\n",
    "sys/fs/cgroup/box/cpu.max": "250000 100000\n",
    "sys/fs/cgroup/box/inner/cpu.max": "max 100000\n",
    "sys/fs/cgroup/box/memory.max": f"{4 * GIB}\n",
    "sys/fs/cgroup/box/memory.current": f"{3 * GIB}\n",
    "sys/fs/cgroup/box/memory.stat": f"anon 5\ninactive_file {GIB}\n",
    "sys/fs/cgroup/box/inner/memory.max": "max\n",
    "sys/fs/cgroup/box/inner/memory.current": "1\n",
}
V1 = {
    "proc/self/cgroup": "5:memory:/gone\n4:cpu,cpuacct:/box\n",
    "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "250000\n",
    "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{4 * GIB}\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{3 * GIB}\n",
    "sys/fs/cgroup/memory/memory.stat": f"inactive_file 0\ntotal_inactive_file {GIB}\n",
}


@pytest.mark.parametrize("files", [V2, V1], ids=["cgroup 2", "cgroup 1"])
def test_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    here = Hardware.probe(system(tmp_path, files))
    assert (here.cores, here.physical_cores) == (2, 2)
    assert (here.memory_total, here.memory_free) == (4 * GIB, 2 * GIB)


def test_half_a_core_is_one_and_unlimited_memory_of_version_1_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7})
    files = V1 | {
        "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "50000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    here = Hardware.probe(system(tmp_path, files))
    assert (here.cores, here.memory_total, here.memory_free) == (1, 16 * GIB, 8 * GIB)


def test_a_system_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "processor", lambda: "")
    for machine, name in (("riscv64", "riscv64"), ("", "unknown")):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert Hardware.probe(tmp_path).processor == name
    here = Hardware.probe(tmp_path)
    assert here.cores >= 1 and here.memory_total > 0 and here.memory_free is None and here.instructions == frozenset()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps nothing, or cannot be asked")
def test_freed_memory_goes_back_to_the_system() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    blocks = [bytearray(100_000) for _ in range(400)]
    behind = bytearray(100_000)  # without it the allocator gave back what is at the end
    del blocks
    before = resident()
    give_back_memory()
    assert resident() < before - 20_000_000 and not any(behind)
