"""A model's files at one commit, all of them or none that looks whole: room first, several files at a time, one count
of bytes over all.

Knows no model: which files are wanted is said by whoever asks.
"""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from causerie.errors import CheckpointError
from causerie.hub.cache_folder import ModelCache
from causerie.hub.download import Download
from causerie.hub.part import STRETCH, left_parts, parts, stray_journals
from causerie.hub.repository import HubFile, Repository
from causerie.hub.transport import Transport
from causerie.hub.turn import turn

AT_ONCE = 4
"""Files that come at the same time."""
_LOOK_SECONDS = 0.25
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Report = Callable[[int, int, str], None]
"""Told of bytes that are there, of all that there will be, and of what is done."""


class Pull:
    """The download of some files of a repository into the cache."""

    def __init__(
        self,
        transport: Transport,
        repository: Repository,
        cache: ModelCache,
        report: Report,
        *,
        pause: Callable[[float], None] | None = None,
        stretch: int = STRETCH,
    ) -> None:
        self._transport = transport
        self._repository = repository
        self._cache = cache
        self._report = report
        self._ended = threading.Event()
        self._sleep = pause or self._ended.wait
        self._stretch = stretch
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0

    def fetch(self, files: Iterable[HubFile]) -> Path:
        """The folder with the files in it. Raises CheckpointError."""
        missing = [file for file in files if not self._cache.has(self._repository.commit, file)]
        contents: dict[str, list[HubFile]] = {}
        for file in missing:
            contents.setdefault(file.etag, []).append(file)
        self._total = sum(twins[0].size for twins in contents.values())
        try:
            self._check_room(twins[0] for twins in contents.values())
            self._sweep(contents.keys())
            self._all(contents.values())
        except CheckpointError:
            raise
        except OSError as fault:
            raise self._not_stored(fault) from None
        return self._cache.snapshot(self._repository.commit)

    def _all(self, contents: Iterable[list[HubFile]]) -> None:
        largest_first = sorted(contents, key=lambda twins: -twins[0].size)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download") as pool:
            running: list[Future[None]] = []
            try:
                running += (pool.submit(self._one, twins) for twins in largest_first)
                left = set(running)
                while left:
                    # An interrupt in the moment before a wait without an end would be noticed after it.
                    done, left = wait(left, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
                    for each in done:
                        each.result()
            except BaseException:
                self._end(running)
                raise

    def _end(self, running: list[Future[None]]) -> None:
        """Ends what still runs, where something failed or the user interrupted."""
        self._ended.set()
        for each in running:
            each.cancel()
        self._transport.stop()

    def _one(self, twins: list[HubFile]) -> None:
        """Fetches one content, and gives it the names of all files that have it."""
        file, repository = twins[0], self._repository
        with turn(self._cache, file, self._pause, self._waiting) as missing:
            if missing:
                download = Download(
                    self._transport, repository.name, repository.commit, file, self._pause, self._count, self._stretch
                )
                download.into(self._cache.blobs, self._cache.blob(file))
            else:
                self._count(file.size)
        for each in twins:
            self._cache.link(repository.commit, each)

    def _pause(self, seconds: float) -> None:
        self._sleep(seconds)
        if self._ended.is_set():
            raise CheckpointError("The download was ended.")

    def _count(self, nbytes: int) -> None:
        with self._lock:
            self._done += nbytes
            self._report(self._done, self._total, "")

    def _waiting(self, holder: str) -> None:
        with self._lock:
            self._report(self._done, self._total, f"waiting for {holder}, which downloads the same file")

    def _sweep(self, etags: Collection[str]) -> None:
        """Deletes what killed downloads left that nobody will go on with."""
        if not self._cache.blobs.is_dir():
            return
        current = {file.etag for file in self._repository.files}
        for path, _ in left_parts(self._cache.blobs):
            etag = path.name.partition(".")[0]
            if etag in etags or (etag in current and not (self._cache.blobs / etag).exists()):
                continue
            path.unlink(missing_ok=True)
        for journal in stray_journals(self._cache.blobs):
            journal.unlink(missing_ok=True)

    def _still_needed(self, files: Iterable[HubFile]) -> int:
        """The bytes of files less those that are there already in parts."""
        needed = 0
        for file in files:
            if not self._cache.blob(file).exists():
                sizes = [path.stat().st_size for path, _, _ in parts(self._cache.blobs, file.etag) if path.exists()]
                needed += max(0, file.size - max(sizes, default=0))
        return needed

    def _check_room(self, files: Iterable[HubFile]) -> None:
        """Refuses a download that the disk cannot hold, before it begins. Raises CheckpointError."""
        needed, free = self._still_needed(files), self._free()
        if needed > free:
            raise CheckpointError(
                f"{self._repository.name} needs {needed / 1e9:.1f} GB more; {free / 1e9:.1f} GB are free in "
                f"{self._cache.root}. Free some space or set HF_HOME to a folder on a larger disk."
            )

    def _free(self) -> int:
        root = self._cache.root
        existing = next(place for place in (root, *root.parents) if place.exists())
        return shutil.disk_usage(existing).free

    def _not_stored(self, fault: OSError) -> CheckpointError:
        name, folder = self._repository.name, self._cache.root
        if fault.errno in _NO_ROOM:
            needed = self._still_needed(self._repository.files)
            return CheckpointError(
                f"{name} could not be stored: {fault.strerror}. It needs up to {needed / 1e9:.2f} GB more, and "
                f"{self._free() / 1e9:.2f} GB are free in {folder}. Free some space and run it again: what came is "
                "kept."
            )
        return CheckpointError(f"{name} could not be stored in {folder}: {fault.strerror or fault}.")
