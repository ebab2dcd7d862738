"""What tests of downloads share: a model with short stretches, processes that are killed, calls that fail."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from causerie.hub import address
from causerie.hub.access import Access
from causerie.hub.cache_folder import CacheFolder
from causerie.hub.pull import Pull
from causerie.hub.repository import Repository
from tests.hub.fake_hub import FakeHub

STRETCH = 2**16
PIECE = 2**14
SIZE = 5 * STRETCH + 1234
NAME = "org/model"


def described(hub: FakeHub, **access: Any) -> tuple[Access, Repository]:
    reached = Access(address.Endpoint.read(hub.url), access.pop("token", None), False, **access)
    return reached, reached.repository(NAME, "main")


def fetch(hub: FakeHub, cache: Path, *, pause: Callable[[float], None] | None = None, **access: Any) -> Path:
    """All files of the model, with short stretches."""
    reached, repository = described(hub, **access)
    place = CacheFolder(cache).model(NAME)
    pull = Pull(reached.transport(), repository, place, lambda *_: None, pause=pause, stretch=STRETCH)
    return pull.fetch(repository.files)


def is_right(folder: Path, weights: bytes) -> bool:
    return (folder / "model.safetensors").read_bytes() == weights and (folder / "config.json").read_bytes() == b"{}"


def blobs(cache: Path) -> list[str]:
    folder = CacheFolder(cache).model(NAME).blobs
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def child(work: Callable[[], Any]) -> int:
    """Runs `work` in a process of its own, and gives its id; it ends with 7 where `work` fails."""
    process = os.fork()
    if process == 0:
        code = 7
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return process


def in_child(work: Callable[[], Any]) -> int:
    """The same, waited for; how it ended, as os.waitpid says it."""
    return os.waitpid(child(work), 0)[1]


def kill_after(nbytes: int) -> None:
    """Kills this process in the middle of a write, after that many bytes."""
    whole, left = os.pwrite, [nbytes]

    def write(handle: int, data: Any, offset: int) -> int:
        if left[0] < len(data):
            whole(handle, data[: left[0]], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= len(data)
        return whole(handle, data, offset)

    os.pwrite = write  # type: ignore[assignment]


def fail_at(
    nth: int, fault: Callable[[], Any], names: tuple[str, ...] = ("replace", "fsync", "symlink", "mkdir")
) -> None:
    """Has the nth of the calls of the system that change something do `fault` in place of its work."""
    calls = [0]

    def counted(whole: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            calls[0] += 1
            if calls[0] == nth:
                fault()
            return whole(*arguments, **options)

        return call

    for name in (*names, "pwrite", "write", "open"):
        setattr(os, name, counted(getattr(os, name)))
