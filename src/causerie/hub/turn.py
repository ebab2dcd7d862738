"""One process at a time downloads a file, and the others wait for it: by a lock, and by the names of parts where locks
do nothing.

The lock is the one that huggingface_hub takes. Some network file systems let everybody have it: then the part that a
living process writes is what keeps others away, and should two begin in the same moment, each writes a file of its own.
Knows no network.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from causerie.hub.cache_folder import ModelCache
from causerie.hub.part import live_owners
from causerie.hub.repository import HubFile

_SECONDS = 0.1


@contextmanager
def turn(
    cache: ModelCache, file: HubFile, pause: Callable[[float], None], waiting: Callable[[str], None]
) -> Iterator[bool]:
    """Whether the file is still to be downloaded, once nobody else does; `pause` sleeps and may raise, `waiting` is
    told once for whom it waits. Raises OSError."""
    cache.locks.mkdir(parents=True, exist_ok=True)
    cache.blobs.mkdir(parents=True, exist_ok=True)
    handle = os.open(cache.locks / f"{file.etag}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    patient = False
    try:
        while True:
            holder = _other(handle, cache.blobs, file)
            if holder is None:
                break
            if not patient:
                waiting(holder)
                patient = True
            pause(_SECONDS)
        yield not cache.blob(file).is_file()
    finally:
        os.close(handle)


def _other(handle: int, blobs: Path, file: HubFile) -> str | None:
    """Who else downloads the file, in words; None where nobody does, and then the lock is ours where there are any."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "another program"
    except OSError:  # no locks on this file system
        pass
    owners = live_owners(blobs, file.etag)
    if not owners:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_UN)
    except OSError:
        pass
    return f"process {owners[0].process}"
