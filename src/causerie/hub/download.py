"""One file from the hub into the cache: from where an earlier try ended, hashed as it comes, under its name only when
it is right.

Knows no snapshot: whoever wants several files asks for each.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from causerie.errors import CheckpointError
from causerie.hub.address import origin_of
from causerie.hub.part import PIECE, STRETCH, Part
from causerie.hub.patience import Interruption, Patience, asked_wait
from causerie.hub.refusal import judge
from causerie.hub.repository import HubFile, subject_of
from causerie.hub.transport import HubAnswer, Transport

_PROGRESS = 2**18
"""Bytes after which a try was not in vain."""
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
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
                with self._open(begin, self.file.size) as answer:
                    while part.position < self.file.size:
                        piece = _some(answer, min(PIECE, part.room()))
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
                with self._open(begin, end) as answer:
                    while position < end:
                        piece = _some(answer, min(PIECE, end - position))
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

    def _open(self, begin: int, end: int) -> HubAnswer:
        """The answer whose body goes on at `begin`."""
        whole = begin == 0 and end == self.file.size
        path = f"/{quote(self.name)}/resolve/{self.commit}/{quote(self.file.name)}"
        answer = self.transport.get(path, {} if whole else {"Range": f"bytes={begin}-{end - 1}"})
        try:
            self._check(answer, begin)
        except BaseException:
            answer.close()
            raise
        return answer

    def _check(self, answer: HubAnswer, begin: int) -> None:
        """Raises where the body is not what was asked for, and reads up to `begin` where it is the whole file."""
        if origin_of(answer.url) == self.transport.endpoint.origin:
            subject = subject_of(self.transport, self.name, self.commit)
            judge(answer, subject, logged_in=self.transport.logged_in)
        elif answer.status not in (200, 206):  # addresses of stores expire; the hub gives a new one
            reason = f"where its files are stored it answered {answer.status}"
            raise Interruption(reason, wait=asked_wait(answer.headers), limited=answer.status == 429)
        if answer.etag not in (None, self.file.etag):
            raise CheckpointError(
                f"{self.file.name} of {self.name} is no longer what the hub listed a moment ago: its hash is "
                f"{str(answer.etag)[:64]}, and {self.file.etag} was expected. Run it again."
            )
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Interruption("it answered in a coding that was not asked for")
        if answer.status == 206:
            match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
            if match is None or int(match[1]) != begin or match[3] not in ("*", str(self.file.size)):
                raise Interruption("it answered with other bytes than were asked for")
            return
        length = answer.headers.get("content-length")
        if length is not None and length != str(self.file.size):
            raise Interruption(f"it answered with {length[:20]} bytes, and lists {self.file.size}")
        while begin:  # it knows no ranges
            begin -= len(_some(answer, min(PIECE, begin)))


def _some(answer: HubAnswer, most: int) -> bytes:
    piece = answer.read(most)
    if not piece:
        raise Interruption("the connection was cut")
    return piece
