"""One file of kept cache: some blocks of a text, or a slot, with a checksum of each. Knows no book and no model.

A piece is of the tokens from `begin` on that follow a text of which `before` is a digest. Its file has a header in JSON
behind its length and checksum, then the bytes of its parts. It is written beside its place and then named, so that no
other process reads a part of one; what a disk made of it since is found by the checksums.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"causerie cache 1"
SUFFIX = ".piece"
SLOT = -1
"""In the place of a page group's number, for what convolutions and recurrences remember."""
_FIRST = struct.Struct("<16sII")  # MAGIC, length of the header, its checksum
_PAGE = 4096
_MOST_HEADER = 16 << 20
_WORDS = 512  # that are summed up together

Bytes = NDArray[np.uint8]


class DamagedPiece(Exception):
    """A file that is no piece, or is not what was written; the text says what is wrong."""


@dataclass(frozen=True)
class PiecePart:
    """One block of a page group, the `at`-th of the piece; or a slot, `at` tokens from the piece's beginning on."""

    group: int
    at: int
    nbytes: int


@dataclass(frozen=True)
class TextPiece:
    """What a file holds, without the bytes."""

    before: str
    begin: int
    tokens: array[int]
    parts: tuple[PiecePart, ...]

    @property
    def name(self) -> str:
        """Of its file: pieces of the same tokens have the same."""
        kind = "slot" if self.is_slot else "blocks"
        return f"{digest(self.before, self.tokens)}.{kind}{SUFFIX}"

    @property
    def is_slot(self) -> bool:
        """Whether it is a slot, and no blocks."""
        return any(part.group == SLOT for part in self.parts)

    @property
    def nbytes(self) -> int:
        """Of all parts."""
        return sum(part.nbytes for part in self.parts)

    @property
    def file_bytes(self) -> int:
        """Of its file, or a little more."""
        header = 256 + 12 * len(self.tokens) + 48 * len(self.parts)
        return -(-header // _PAGE) * _PAGE + self.nbytes

    def covers(self, other: TextPiece) -> bool:
        """Whether it has all that another one has, which follows the same text."""
        count = len(other.tokens)
        return self.tokens[:count] == other.tokens and set(other.parts) <= set(self.parts)


@dataclass(frozen=True)
class StoredPiece:
    """A piece and where its parts lie."""

    piece: TextPiece
    path: Path
    data: int  # where the first part begins
    sums: tuple[int, ...]

    def read(self, handle: int, place: int, memory: Bytes) -> None:
        """Reads one part, checked, to `memory`. Raises DamagedPiece, OSError."""
        parts = self.piece.parts
        if parts[place].nbytes != memory.nbytes:
            raise DamagedPiece(f"a part has {parts[place].nbytes} bytes where {memory.nbytes} were expected")
        at = self.data + sum(part.nbytes for part in parts[:place])
        view, end = memoryview(memory.data), 0
        while end < memory.nbytes:
            count = os.preadv(handle, [view[end:]], at + end)
            if not count:
                raise DamagedPiece("it ends too early")
            end += count
        if checksum(memory) != self.sums[place]:
            raise DamagedPiece("its bytes are not those that were written")


def digest(before: str, tokens: Sequence[int]) -> str:
    """Of a text that goes on with these tokens."""
    return hashlib.sha256(before.encode() + array("i", tokens).tobytes()).hexdigest()[:32]


def checksum(memory: Bytes) -> int:
    """Of bytes that follow each other: the sums of their words, page by page, so that it costs no more than reading
    them."""
    whole = memory.nbytes // (8 * _WORDS) * (8 * _WORDS)
    sums = memory[:whole].view(np.uint64).reshape(-1, _WORDS).sum(axis=1, dtype=np.uint64)
    return zlib.crc32(memory[whole:].tobytes(), zlib.crc32(sums.tobytes()))


def write_piece(folder: Path, piece: TextPiece, data: Bytes) -> StoredPiece:
    """Writes a piece, whose parts follow each other in `data`. Raises OSError."""
    sums, at = [], 0
    for part in piece.parts:
        sums.append(checksum(data[at : at + part.nbytes]))
        at += part.nbytes
    value = {
        "before": piece.before,
        "begin": piece.begin,
        "tokens": piece.tokens.tolist(),
        "parts": [[part.group, part.at, part.nbytes] for part in piece.parts],
        "sums": sums,
    }
    header = json.dumps(value, separators=(",", ":")).encode()
    first = _FIRST.pack(MAGIC, len(header), zlib.crc32(header)) + header
    begin = -(-len(first) // _PAGE) * _PAGE
    descriptor, part_name = tempfile.mkstemp(dir=folder, prefix=".part-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(first.ljust(begin, b"\0"))
            file.write(data.data)
        path = folder / piece.name
        Path(part_name).replace(path)
    except BaseException:
        Path(part_name).unlink(missing_ok=True)
        raise
    return StoredPiece(piece, path, begin, tuple(sums))


def open_piece(path: Path) -> StoredPiece:
    """The header of a file. Raises DamagedPiece, OSError."""
    with path.open("rb") as file:
        first = file.read(_FIRST.size)
        size = os.fstat(file.fileno()).st_size
        if len(first) < _FIRST.size:
            raise DamagedPiece("it is too short")
        magic, length, crc = _FIRST.unpack(first)
        if magic != MAGIC or length > min(size, _MOST_HEADER):
            raise DamagedPiece("it is no piece of this version")
        header = file.read(length)
    if zlib.crc32(header) != crc:
        raise DamagedPiece("its header is not the one that was written")
    piece, sums = _read_header(header)
    begin = -(-(_FIRST.size + length) // _PAGE) * _PAGE
    if size != begin + piece.nbytes or piece.name != path.name:
        raise DamagedPiece("its size or its name is not the one that it was written with")
    return StoredPiece(piece, path, begin, sums)


def _read_header(header: bytes) -> tuple[TextPiece, tuple[int, ...]]:
    try:
        value: dict[str, Any] = json.loads(header)
        parts = tuple(PiecePart(*map(int, part)) for part in value["parts"])
        piece = TextPiece(str(value["before"]), int(value["begin"]), array("i", value["tokens"]), parts)
        sums = tuple(map(int, value["sums"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise DamagedPiece(f"its header says nothing that is known ({error})") from None
    if len(sums) != len(parts) or any(part.nbytes < 0 or part.at < 0 for part in parts):
        raise DamagedPiece("its header says nothing that is known")
    return piece, sums
