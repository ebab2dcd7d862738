"""A reader of little-endian values that goes through a file from its beginning, and never past a limit: what a value
would take is compared with what is left before any of it is read or made room for.

Knows the types of values and not what they mean.
"""

from __future__ import annotations

from pathlib import Path
from struct import Struct
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.header import ReadBytes, shown
from causerie.errors import WeightFileError

PIECE = 2**18
"""Bytes that are read at once at first; twice as many each time."""
LARGEST_PIECE = 2**23
_LENGTH = Struct("<Q")
_COUNT = Struct("<I")


class Cursor:
    """The place in a file of `size` bytes up to which it was read; nothing from `limit` on is."""

    def __init__(self, read: ReadBytes, size: int, file: Path, limit: int) -> None:
        self._read = read
        self._size = size
        self._file = file
        self._limit = limit
        self._piece = PIECE
        self._buffer = b""
        self._begin = 0  # of the buffer in the file
        self._at = 0  # in the buffer

    @property
    def place(self) -> int:
        """The byte that comes next."""
        return self._begin + self._at

    @property
    def left(self) -> int:
        """Bytes to the end of the file, or to the limit."""
        return min(self._size, self._limit) - self.place

    def fail(self, what: str) -> NoReturn:
        """Refuses the file."""
        raise WeightFileError(f"{self._file}: {what}; the file is damaged or was made to mislead. Download it again.")

    def require(self, count: int, field: str) -> None:
        """Refuses the file where it ends before so many bytes, or what they belong to may be no longer."""
        if count <= self.left:
            return
        if self.place + count <= self._size:
            self.fail(f"{field} would end at byte {self.place + count}, and a header has at most {self._limit}")
        raise WeightFileError(
            f"{self._file}: {field} needs {count} bytes from byte {self.place} on, and the file ends at "
            f"{self._size}; its download did not finish, or it is damaged. Delete it and download it again."
        )

    def _take(self, count: int, field: str) -> int:
        """Where in the buffer the next bytes lie, which are passed."""
        if self._at + count > len(self._buffer):
            self.require(count, field)
            self._fill(count)
        at = self._at
        self._at += count
        return at

    def _fill(self, count: int) -> None:
        """Reads on, until the buffer has so many bytes before it."""
        parts = [self._buffer[self._at :]]
        self._begin += self._at
        self._at = 0
        length = len(parts[0])
        while length < count:
            asked = min(max(count - length, self._piece), self._size - self._begin - length)
            part = self._read(self._begin + length, asked)
            if not part:
                raise WeightFileError(
                    f"{self._file} became shorter while it was read; do not change a model that is loading."
                )
            parts.append(part)
            length += len(part)
            self._piece = min(2 * self._piece, LARGEST_PIECE)
        self._buffer = b"".join(parts)

    def number(self, kind: Struct, field: str) -> Any:
        """One number."""
        at = self._take(kind.size, field)
        return kind.unpack_from(self._buffer, at)[0]

    def length(self, field: str) -> int:
        """An unsigned number of 64 bits."""
        return int(self.number(_LENGTH, field))

    def count(self, field: str) -> int:
        """An unsigned number of 32 bits."""
        return int(self.number(_COUNT, field))

    def text(self, most: int, field: str) -> str:
        """A string: its length, and so many bytes of UTF-8."""
        length = self.length(f"the length of {field}")
        if length > most:
            self.fail(f"{field} has {length} bytes, more than the {most} that it may have")
        at = self._take(length, field)
        return self._decoded(self._buffer[at : at + length], field)

    def texts(self, count: int, most: int, field: str) -> tuple[str, ...]:
        """So many strings, one after the other."""
        self.require(8 * count, field)
        each: list[str] = []
        unpack = _LENGTH.unpack_from
        for i in range(count):
            at = self._at  # as in `text`, without calls: there are hundreds of thousands
            if at + 8 > len(self._buffer):
                self.require(8, field)
                self._fill(8)
                at = self._at
            (length,) = unpack(self._buffer, at)
            end = at + 8 + length
            if length > most:
                self.fail(f"string {i} of {field} has {length} bytes, more than the {most} that it may have")
            if end > len(self._buffer):
                self.require(8 + length, field)
                self._fill(8 + length)
                at, end = 0, 8 + length
            try:
                each.append(self._buffer[at + 8 : end].decode())
            except UnicodeDecodeError:
                self._decoded(self._buffer[at + 8 : end], f"string {i} of {field}")
            self._at = end
        return tuple(each)

    def array(self, kind: np.dtype[Any], count: int, field: str) -> NDArray[Any]:
        """So many numbers."""
        nbytes = count * kind.itemsize
        at = self._take(nbytes, field)
        return np.frombuffer(self._buffer, kind, count, at).copy()

    def _decoded(self, data: bytes, field: str) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            self.fail(f"{field} is not UTF-8 (byte {error.start} of {shown(data[:60].decode('latin-1'))})")
