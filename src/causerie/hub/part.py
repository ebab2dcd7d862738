"""A file that is not whole yet: its bytes from the beginning on, and a journal of a checksum for each stretch of it.

    blobs/HASH.OWNER.part      the bytes
    blobs/HASH.OWNER.journal   a line for each stretch that is whole: its number and its CRC-32

What a process that was killed left is taken over by one rename. The checksums find what the disk lost; whether the
bytes are the right ones says the hash of the whole file. Knows no network.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from causerie.hub.owner import Owner, no_process, this_process
from causerie.hub.repository import HubFile

STRETCH = 64 * 2**20
"""Bytes that are fetched again together where one of them is wrong."""
PIECE = 2**20
_SUFFIX = ".part"
_JOURNAL = ".journal"
_NUMBERS = count()


class Part:
    """The part of one file that this process writes."""

    def __init__(self, file: HubFile, path: Path, stretch: int) -> None:
        self._file = file
        self._path = path
        self._stretch = stretch
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._sums = _read_journal(self._journal)
        self._open_sum = 0
        self.position = min(os.fstat(self._handle).st_size, file.size)
        """How many bytes from the beginning on are there."""

    @staticmethod
    def take(blobs: Path, file: HubFile, stretch: int = STRETCH) -> Part:
        """The longest part that a process left which is no more, or a new one. Raises OSError."""
        mine = blobs / f"{file.etag}.{this_process(next(_NUMBERS))}{_SUFFIX}"
        for left, owner in sorted(left_parts(blobs, file.etag), key=lambda pair: -_size(pair[0])):
            try:
                os.replace(left, mine)
            except FileNotFoundError:  # somebody else has just taken it
                continue
            try:
                os.replace(left.with_suffix(_JOURNAL), mine.with_suffix(_JOURNAL))
            except FileNotFoundError:  # nothing of it was whole yet
                pass
            part = Part(file, mine, stretch)
            if not owner.same_boot:
                part.distrust_the_end()
            return part
        return Part(file, mine, stretch)

    @property
    def _journal(self) -> Path:
        return self._path.with_suffix(_JOURNAL)

    @property
    def stretches(self) -> range:
        """The numbers of all stretches of the file."""
        return range(-(-self._file.size // self._stretch))

    def bounds(self, stretch: int) -> tuple[int, int]:
        """Where a stretch begins and ends."""
        return stretch * self._stretch, min((stretch + 1) * self._stretch, self._file.size)

    def distrust_the_end(self) -> None:
        """Forgets what the journal does not name: after a loss of power it may be zeros."""
        self.position = min(self.position, len(self._sums) * self._stretch)
        os.ftruncate(self._handle, self.position)

    def reread(self, update: Callable[[bytes], None]) -> list[int]:
        """Reads all that is there, gives it to `update`, and returns the stretches that are not what was written."""
        damaged = []
        self._open_sum = 0
        for stretch in self.stretches:
            begin, end = self.bounds(stretch)
            if begin >= self.position:
                break
            total = 0
            for piece in self._pieces(begin, min(end, self.position)):
                update(piece)
                total = zlib.crc32(piece, total)
            if stretch in self._sums and self._sums[stretch] != total:
                damaged.append(stretch)
            elif end <= self.position and stretch not in self._sums:
                self._note(stretch, total)
            self._open_sum = total if end > self.position else 0
        return damaged

    def _pieces(self, begin: int, end: int) -> Iterator[bytes]:
        while begin < end:
            piece = os.pread(self._handle, min(PIECE, end - begin), begin)
            if not piece:
                raise OSError(f"{self._path} became shorter while it was read")
            yield piece
            begin += len(piece)

    def append(self, piece: bytes) -> None:
        """Writes what comes next; a piece ends where its stretch does, or before. Raises OSError."""
        self._write(piece, self.position)
        self._open_sum = zlib.crc32(piece, self._open_sum)
        self.position += len(piece)
        stretch = (self.position - 1) // self._stretch
        if self.position == self.bounds(stretch)[1]:
            os.fsync(self._handle)
            self._note(stretch, self._open_sum)
            self._open_sum = 0

    def room(self) -> int:
        """How many bytes the stretch that is being written still takes."""
        return self.bounds(self.position // self._stretch)[1] - self.position

    def mend(self, offset: int, piece: bytes) -> bool:
        """Writes bytes that were fetched again, and returns whether others were there. Raises OSError."""
        if os.pread(self._handle, len(piece), offset) == piece:
            return False
        self._write(piece, offset)
        return True

    def mended(self, stretch: int) -> None:
        """Notes that a stretch is as it was fetched the last time. Raises OSError."""
        begin, end = self.bounds(stretch)
        total = 0
        for piece in self._pieces(begin, end):
            total = zlib.crc32(piece, total)
        os.fsync(self._handle)
        self._note(stretch, total)

    def _write(self, piece: bytes, offset: int) -> None:
        view = memoryview(piece)
        while view:
            done = os.pwrite(self._handle, view, offset)
            view, offset = view[done:], offset + done

    def _note(self, stretch: int, total: int) -> None:
        self._sums[stretch] = total
        handle = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            os.write(handle, f"{stretch} {total:08x}\n".encode())
        finally:
            os.close(handle)

    def finish(self, blob: Path) -> None:
        """Gives the file its name, which it has only now that it is whole and right. Raises OSError."""
        os.ftruncate(self._handle, self._file.size)
        os.fsync(self._handle)
        self._journal.unlink(missing_ok=True)
        os.replace(self._path, blob)
        self._close()
        folder = os.open(blob.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def leave(self) -> None:
        """Closes it, where it was neither finished nor dropped; what is there belongs to whoever goes on."""
        if self._handle == -1:
            return
        self._close()
        nobody = self._path.with_name(f"{self._file.etag}.{no_process()}{_SUFFIX}")
        try:
            if self._journal.exists():
                os.replace(self._journal, nobody.with_suffix(_JOURNAL))
            os.replace(self._path, nobody)
        except OSError:  # it stays ours then, until this process is no more
            pass

    def _close(self) -> None:
        os.close(self._handle)
        self._handle = -1

    def drop(self) -> None:
        """Closes and deletes it."""
        self._close()
        self._path.unlink(missing_ok=True)
        self._journal.unlink(missing_ok=True)


def _read_journal(path: Path) -> dict[int, int]:
    """Stretch → checksum; a line that was torn ends it."""
    sums: dict[int, int] = {}
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError:
        return sums
    for line in lines:
        try:
            number, total = line.split()
            sums[int(number)] = int(total, 16)
        except ValueError:
            break
    return sums


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def parts(blobs: Path, etag: str | None = None) -> Iterator[tuple[Path, str, Owner]]:
    """The parts in a folder (of one file, or of all), with the hash and the owner that their names name."""
    for path in blobs.glob(f"{etag or '*'}.*{_SUFFIX}"):
        stem, _, word = path.name.removesuffix(_SUFFIX).partition(".")
        if (owner := Owner.read(word)) is not None:
            yield path, stem, owner


def left_parts(blobs: Path, etag: str | None = None) -> list[tuple[Path, Owner]]:
    """Those whose owner is no more. Raises OSError."""
    return [(path, owner) for path, _, owner in parts(blobs, etag) if not owner.lives(path)]


def live_owners(blobs: Path, etag: str) -> list[Owner]:
    """Who writes a file right now, downloads of this process included. Raises OSError."""
    return [owner for path, _, owner in parts(blobs, etag) if owner.lives(path)]


def stray_journals(blobs: Path) -> list[Path]:
    """Journals of processes that are no more, whose parts have another owner by now. Raises OSError."""
    strays = []
    for journal in blobs.glob(f"*{_JOURNAL}"):
        owner = Owner.read(journal.name.removesuffix(_JOURNAL).partition(".")[2])
        if owner is not None and not owner.lives(journal) and not journal.with_suffix(_SUFFIX).exists():
            strays.append(journal)
    return strays
