"""One file from the hub into the cache: from where an earlier try ended, hashed as it comes, under its name only when
it is right.

Knows no snapshot: whoever wants several files asks for each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causerie.errors import CheckpointError
from causerie.hub.file_bytes import FileBytes, some
from causerie.hub.part import PIECE, STRETCH, Part
from causerie.hub.patience import Interruption, Patience
from causerie.hub.repository import HubFile
from causerie.hub.transport import Transport

_PROGRESS = 2**18
"""Bytes after which a try was not in vain."""
Count = Callable[[int], None]
"""Told of bytes that are there."""


@dataclass(frozen=True)
class Download:
    """A file of a model at a commit, and how it is fetched."""

    transport: Transport
    name: str
    commit: str
    file: HubFile
    pause: Callable[[float], None]
    count: Count
    stretch: int = STRETCH

    @property
    def _bytes(self) -> FileBytes:
        return FileBytes(self.transport, self.name, self.commit, self.file)

    def into(self, blobs: Path, blob: Path) -> None:
        """Fetches what is missing and gives it its name. Raises CheckpointError where it is not to be had, OSError
        where it cannot be written; what came is kept then, unless it is wrong."""
        part = Part.take(blobs, self.file, self.stretch)
        try:
            self.count(part.position)
            digest = self._resumed(part)
            self._stream(part, digest)
            if digest.hexdigest() != self.file.etag and not self._mended(part):
                raise self._wrong(part)
            part.finish(blob)
        finally:
            part.leave()

    def _digest(self) -> Any:
        """What hashes the file as its etag does: sha256, or git's sha1 of a header and the content."""
        if len(self.file.etag) == 64:
            return hashlib.sha256()
        return hashlib.sha1(f"blob {self.file.size}\0".encode(), usedforsecurity=False)

    def _resumed(self, part: Part) -> Any:
        """The hash of what is there, after what the disk lost of it was fetched again."""
        digest = self._digest()
        damaged = part.reread(digest.update)
        if damaged:
            for stretch in damaged:
                self._fetch_again(part, stretch)
            digest = self._digest()
            part.reread(digest.update)
        return digest

    def _stream(self, part: Part, digest: Any) -> None:
        patience = self._patience()
        while part.position < self.file.size:
            begin = part.position
            try:
                with self._bytes.open(begin, self.file.size) as answer:
                    while part.position < self.file.size:
                        piece = some(answer, min(PIECE, part.room()))
                        part.append(piece)
                        digest.update(piece)
                        self.count(len(piece))
            except Interruption as fault:
                patience.bear(fault, progress=part.position - begin >= _PROGRESS)

    def _mended(self, part: Part) -> bool:
        """Fetches stretches again until the whole is right: those that the disk lost, or else one after the other
        until one comes that is another than before."""
        damaged = part.reread(lambda piece: None)
        for stretch in damaged or part.stretches:
            if self._fetch_again(part, stretch):
                digest = self._digest()
                part.reread(digest.update)
                if digest.hexdigest() == self.file.etag:
                    return True
        return False

    def _fetch_again(self, part: Part, stretch: int) -> bool:
        """Fetches one stretch again; whether it was another."""
        position, end = part.bounds(stretch)
        patience, changed = self._patience(), False
        while position < end:
            begin = position
            try:
                with self._bytes.open(begin, end) as answer:
                    while position < end:
                        piece = some(answer, min(PIECE, end - position))
                        changed |= part.mend(position, piece)
                        position += len(piece)
            except Interruption as fault:
                patience.bear(fault, progress=position - begin >= _PROGRESS)
        part.mended(stretch)
        return changed

    def _wrong(self, part: Part) -> CheckpointError:
        digest = self._digest()
        part.reread(digest.update)
        part.drop()
        return CheckpointError(
            f"{self.file.name} of {self.name} came twice with other content than the hub lists: its hash is "
            f"{digest.hexdigest()}, and {self.file.etag} was expected. It was deleted. Try again later or over "
            "another network; if it stays so, tell whoever keeps the model."
        )

    def _patience(self) -> Patience:
        what = f"The download of {self.file.name} of {self.name} did not finish"
        return Patience(what, self.pause, then="Run it again: what came is kept.")
