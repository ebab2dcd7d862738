"""Who writes a file that is not whole yet: a process of this machine or of another one that shares the folder.

An owner is a word in a file's name, so that taking over what a killed process left is one rename, which one of several
succeeds in, whatever the file system says of locks. Knows no download.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

_WORD = re.compile(r"([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,10})-(\d{1,20})-(\d{1,6})")
FOREIGN_SECONDS = 300.0
"""How long the file of a process on another machine may stand still before it counts as left."""


@dataclass(frozen=True)
class Owner:
    """A process, and the how-manieth download in it."""

    machine: str
    boot: str
    process: int
    start: int
    number: int = 0

    def __str__(self) -> str:
        return f"{self.machine}-{self.boot}-{self.process}-{self.start}-{self.number}"

    @staticmethod
    def read(word: str) -> Owner | None:
        """The owner that a word names; None where it is none."""
        match = _WORD.fullmatch(word)
        return Owner(match[1], match[2], int(match[3]), int(match[4]), int(match[5])) if match else None

    @property
    def same_boot(self) -> bool:
        """Whether nothing that it wrote can have been lost since with the power."""
        return (self.machine, self.boot) == (_machine(), _boot())

    def lives(self, file: Path) -> bool:
        """Whether it still writes `file`. Raises OSError where the folder takes no file."""
        if self.machine == _machine():
            return self.process > 0 and self.boot == _boot() and _start(self.process) == self.start
        try:
            changed = file.stat().st_mtime
        except OSError:  # it has been given another name
            return False
        return self.process > 0 and _time(file.parent) - changed < FOREIGN_SECONDS


def this_process(number: int) -> Owner:
    """This process, which may have several downloads at once."""
    return Owner(_machine(), _boot(), os.getpid(), _start(os.getpid()) or 0, number)


def no_process() -> Owner:
    """Nobody on this machine: what a process gives back that goes on living."""
    return Owner(_machine(), _boot(), 0, 0)


def _time(folder: Path) -> float:
    """What the file system of a folder says of the time, which may be another machine's clock."""
    with TemporaryFile(dir=folder) as probe:
        return os.fstat(probe.fileno()).st_mtime


@cache
def _machine() -> str:
    # Two containers may share a boot and a folder, and each have a process 7.
    try:
        names = os.readlink("/proc/self/ns/pid")
    except OSError:
        names = ""
    return hashlib.sha256(f"{socket.gethostname()} {names}".encode()).hexdigest()[:8]


@cache
def _boot() -> str:
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        text = ""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _start(process: int) -> int | None:
    """When a process of this machine began, in the system's ticks, 0 where the system does not say; None where there
    is no such process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass  # it is somebody else's
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] == "Z" else int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0
