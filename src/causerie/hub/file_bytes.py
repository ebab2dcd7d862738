"""Bytes of one file of a model on the hub, from a place on, and what an answer must be to be believed.

Knows no cache and no format; whether the whole is right is for who has the whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from causerie.errors import CheckpointError
from causerie.hub.address import origin_of
from causerie.hub.patience import Interruption, Patience, asked_wait
from causerie.hub.refusal import judge
from causerie.hub.repository import HubFile, subject_of
from causerie.hub.transport import HubAnswer, Transport

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PIECE = 2**20


@dataclass(frozen=True)
class FileBytes:
    """A file of a model at a commit."""

    transport: Transport
    name: str
    commit: str
    file: HubFile

    def read(self, offset: int, count: int, patience: Patience) -> bytes:
        """So many bytes from `offset` on; fewer where the file ends. Raises CheckpointError."""
        end = min(offset + count, self.file.size)
        content = bytearray()
        while offset + len(content) < end:
            before = len(content)
            try:
                with self.open(offset + len(content), end) as answer:
                    while offset + len(content) < end:
                        content += some(answer, min(_PIECE, end - offset - len(content)))
            except Interruption as fault:
                patience.bear(fault, progress=len(content) > before)
        return bytes(content)

    def open(self, begin: int, end: int) -> HubAnswer:
        """The answer whose body goes on at `begin`. Raises Interruption, CheckpointError."""
        whole = begin == 0 and end == self.file.size
        path = f"/{quote(self.name)}/resolve/{quote(self.commit, safe='')}/{quote(self.file.name)}"
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
                f"{answer.etag}, and {self.file.etag} was expected. Run it again."
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
            begin -= len(some(answer, min(_PIECE, begin)))


def some(answer: HubAnswer, most: int) -> bytes:
    """At least one byte. Raises Interruption where no more come."""
    piece = answer.read(most)
    if not piece:
        raise Interruption("the connection was cut")
    return piece
