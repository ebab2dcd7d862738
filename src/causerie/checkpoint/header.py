"""The header of one safetensors file, read without trusting it: every limit is checked before anything is allocated.

A file is: 8 bytes, the header's length as a little-endian integer; the header, a JSON object of
`name: {"dtype", "shape", "data_offsets": [begin, end]}` and an optional `__metadata__` of strings, maybe padded with
spaces; then the data, which the tensors fill without gap or overlap (https://huggingface.co/docs/safetensors). What is
accepted here the `safetensors` package accepts too. Reads no data, knows no folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from math import prod
from pathlib import Path
from typing import Any, NoReturn

from causerie.checkpoint.foreign_files import is_pointer, pointer_refusal
from causerie.checkpoint.index import DTYPES
from causerie.errors import WeightFileError

HEADER_BYTES = 100_000_000
"""The format's own limit on a header."""
TENSORS = 100_000
"""The most tensors in one file; the largest published models have a tenth of it in each."""
METADATA_ENTRIES = 10_000
NAME_CHARACTERS = 1_024
ENTRY_CHARACTERS = 4_096
"""One tensor's description; real ones have about a hundred, so an entry is never large once parsed."""
AXES = 16
ELEMENTS = 2**48
"""Beyond any file; keeps every product of a shape far from 64 bits."""

ReadBytes = Callable[[int, int], bytes]
"""From an offset and a count: so many bytes of a file, or fewer; none at its end."""

_SPACE = " \t\n\r"
_FIELDS = {"dtype", "shape", "data_offsets"}


@dataclass(frozen=True)
class Entry:
    """One tensor of a file; `begin` and `end` count from the start of the file."""

    shape: tuple[int, ...]
    dtype: str
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """All that a file says about itself; tensors in the order of their data."""

    tensors: dict[str, Entry]
    metadata: dict[str, str]


def shown(name: str) -> str:
    """A name out of a file, safe to put into a message: quoted, escaped and not endless."""
    return ascii(name if len(name) <= 120 else name[:117] + "...")


def read_header(descriptor: int, file: Path) -> Header:
    """The checked header of an open file. Raises WeightFileError, one sentence naming file and tensor; MissingFile for
    a git-LFS pointer in its place."""
    return header_of(lambda offset, count: os.pread(descriptor, count, offset), os.fstat(descriptor).st_size, file)


def header_of(read: ReadBytes, size: int, file: Path) -> Header:
    """The same of a file of `size` bytes, wherever it lies."""
    if size < 8:
        raise WeightFileError(f"{file} has {size} bytes and is not a safetensors file, which begins with 8.")
    beginning = read(0, 8)
    if is_pointer(beginning):
        raise pointer_refusal(file.parent, [file.name])
    length = int.from_bytes(beginning, "little")
    if length > HEADER_BYTES:
        raise WeightFileError(
            f"{file} declares a header of {length} bytes, more than the {HEADER_BYTES} that the format allows; it is "
            "damaged or not a safetensors file."
        )
    if length < 2 or 8 + length > size:
        raise WeightFileError(
            f"{file} declares a header of {length} bytes and has {size} bytes in all; it is damaged or its download "
            "did not finish. Delete it and download it again."
        )
    raw = b""
    while len(raw) < length:
        part = read(8 + len(raw), length - len(raw))
        if not part:
            raise WeightFileError(f"{file} became shorter while it was read; do not change a model that is loading.")
        raw += part
    return _checked(_parsed(raw, file), file, 8 + length, size)


def _parsed(raw: bytes, file: Path) -> Header:
    """The entries as written, offsets still counted from the start of the data."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WeightFileError(f"{file} has a header that is not UTF-8 (byte {error.start}); it is damaged.") from None
    tensors: dict[str, Entry] = {}
    metadata: dict[str, str] | None = None
    scanner = _Scanner(text, file)
    for name in scanner.object_names():
        if name == "__metadata__":
            if metadata is not None:
                scanner.fail("has two '__metadata__'")
            metadata = scanner.strings()
            continue
        if name in tensors:
            scanner.fail(f"lists tensor {shown(name)} twice")
        if len(tensors) == TENSORS:
            scanner.fail(f"lists more than {TENSORS} tensors, the most that is accepted")
        tensors[name] = scanner.entry(name)
    return Header(tensors, metadata or {})


class _Scanner:
    """Reads the header's JSON piece by piece, so that memory grows with the tensors found and not with what a
    hostile header nests."""

    def __init__(self, text: str, file: Path) -> None:
        self.text = text
        self.file = file
        self.at = 0
        self.decoder = JSONDecoder(
            object_pairs_hook=_without_twins, parse_int=_natural, parse_float=_refused, parse_constant=_refused
        )
        if not text.startswith("{"):
            self.fail("does not begin with '{'")

    def fail(self, what: str) -> NoReturn:
        raise WeightFileError(f"{self.file}: the header {what}; the file is damaged or was made to mislead.")

    def next(self) -> str:
        """The next character that is not space, left unread; '' at the end."""
        text, at = self.text, self.at
        while at < len(text) and text[at] in _SPACE:
            at += 1
        self.at = at
        return text[at : at + 1]

    def expect(self, character: str) -> None:
        token = self.next()
        if token != character:
            self.fail(f"has {token!r} at character {self.at} where {character!r} is expected")
        self.at += 1

    def string(self) -> str:
        if self.next() != '"':
            self.fail(f"has {self.next()!r} at character {self.at} where a string is expected")
        try:
            value, self.at = self.decoder.raw_decode(self.text, self.at)
            value.encode("utf-8")  # a lone surrogate, which JSON can escape, is not text
        except (JSONDecodeError, UnicodeEncodeError):
            self.fail(f"has a broken string at character {self.at}")
        return str(value)

    def keys(self) -> Iterator[str]:
        """The keys of the object that begins here; the caller reads each value before it asks for the next key."""
        self.expect("{")
        if self.next() == "}":
            self.at += 1
            return
        while True:
            key = self.string()
            self.expect(":")
            yield key
            if self.next() == "}":
                self.at += 1
                return
            self.expect(",")

    def object_names(self) -> Iterator[str]:
        """The keys of the whole header, which must be all of the text."""
        for name in self.keys():
            if len(name) > NAME_CHARACTERS:
                self.fail(f"has a tensor name of {len(name)} characters, more than {NAME_CHARACTERS}: {shown(name)}")
            yield name
        if self.next():
            self.fail(f"goes on after its end, at character {self.at}")

    def strings(self) -> dict[str, str]:
        entries: dict[str, str] = {}
        for key in self.keys():
            if key in entries:
                self.fail(f"has {shown(key)} twice in '__metadata__'")
            if len(entries) == METADATA_ENTRIES:
                self.fail(f"has more than {METADATA_ENTRIES} entries in '__metadata__'")
            entries[key] = self.string()
        return entries

    def entry(self, name: str) -> Entry:
        """One tensor's description. It contains no object, so the next '}' ends it, and it is small or refused."""
        if self.next() != "{":
            self.fail(f"describes tensor {shown(name)} by something that is not an object")
        close = self.text.find("}", self.at, self.at + ENTRY_CHARACTERS)
        if close < 0:
            self.fail(f"describes tensor {shown(name)} in more than {ENTRY_CHARACTERS} characters")
        try:
            fields = self.decoder.decode(self.text[self.at : close + 1])
        except (ValueError, RecursionError) as error:
            self.fail(f"describes tensor {shown(name)} wrongly ({str(error) or type(error).__name__})")
        self.at = close + 1
        if set(fields) != _FIELDS:
            self.fail(f"describes tensor {shown(name)} by {sorted(fields)} and not by dtype, shape and data_offsets")
        dtype, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            self.fail(f"gives tensor {shown(name)} the unknown dtype {shown(str(dtype))} (known: {', '.join(DTYPES)})")
        if not _naturals(shape) or len(shape) > AXES or prod(axis or 1 for axis in shape) > ELEMENTS:
            self.fail(f"gives tensor {shown(name)} the impossible shape {shown(str(shape))}")
        if not _naturals(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
            self.fail(f"gives tensor {shown(name)} the impossible data_offsets {shown(str(offsets))}")
        return Entry(tuple(shape), dtype, offsets[0], offsets[1])


def _naturals(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _natural(digits: str) -> int:
    # The format counts in unsigned 64-bit integers; "-0" is none.
    if not digits.isdigit() or len(digits) > 19:
        raise ValueError(f"{digits[:24]} is not a size")
    return int(digits)


def _refused(literal: str) -> NoReturn:
    raise ValueError(f"{literal[:24]} is not a size")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


def _checked(header: Header, file: Path, start: int, size: int) -> Header:
    """The header in the order of the data, offsets counted from the start of the file, every byte accounted for."""
    ordered = sorted(header.tensors.items(), key=lambda item: (item[1].begin, item[1].end))
    tensors: dict[str, Entry] = {}
    filled, before = 0, ""
    for name, entry in ordered:
        span = entry.end - entry.begin
        needed = prod(entry.shape) * DTYPES[entry.dtype].itemsize
        if needed != span:
            raise WeightFileError(
                f"{file}: tensor {shown(name)} of shape {list(entry.shape)} and dtype {entry.dtype} needs {needed} "
                f"bytes and its data_offsets hold {span}; the file is damaged."
            )
        if start + entry.end > size:
            raise WeightFileError(
                f"{file}: tensor {shown(name)} ends at byte {start + entry.end} and the file at {size}; its download "
                "did not finish. Delete it and download it again."
            )
        if entry.begin < filled:
            raise WeightFileError(
                f"{file}: tensors {shown(before)} and {shown(name)} overlap at byte {start + entry.begin}; the file is "
                "damaged."
            )
        if entry.begin > filled:
            raise WeightFileError(
                f"{file}: {entry.begin - filled} bytes before tensor {shown(name)} belong to no tensor; the file is "
                "damaged."
            )
        tensors[name] = Entry(entry.shape, entry.dtype, start + entry.begin, start + entry.end)
        filled, before = entry.end, name
    if start + filled != size:
        raise WeightFileError(
            f"{file} has {size - start - filled} bytes after its last tensor; the file is damaged or is not only a "
            "safetensors file."
        )
    return Header(tensors, header.metadata)
