"""The tensors of files that lie here, as a `TensorIndex`: where each begins and ends is known, and bytes are read when
asked.

Knows no format of files: those who read headers say where tensors lie. Files are read with pread into arrays of the
caller's: a file that is cut short while we read gives an error, where a mapping would kill the process. So only files
that we made ourselves to be mapped are.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.extent import Extent, identity_of
from causerie.checkpoint.header import Entry, shown
from causerie.checkpoint.index import TensorInfo
from causerie.errors import MissingFile, UsageError, WeightFileError, nearest

_PIECE = 2**30  # one read; Linux gives at most 2 GiB less a page at once


@dataclass(frozen=True)
class CheckedFile:
    """A file whose header was checked; the identity tells whether it is still the same when its bytes are wanted."""

    path: Path
    identity: tuple[int, ...]


class FileIndex:
    """The tensors of one or more files. No file stays open between two reads."""

    def __init__(self, tensors: Iterable[tuple[CheckedFile, Mapping[str, Entry]]]) -> None:
        """Raises WeightFileError for a tensor that two files have."""
        self._homes: dict[str, tuple[CheckedFile, Entry]] = {}
        self._files: list[CheckedFile] = []
        self._closed = False
        self._maps: dict[Path, NDArray[np.uint8]] = {}
        for file, entries in tensors:
            self._files.append(file)
            for name, entry in entries.items():
                if name in self._homes:
                    other = self._homes[name][0].path
                    raise WeightFileError(f"Tensor {shown(name)} is both in {other} and in {file.path}; one must go.")
                self._homes[name] = (file, entry)

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(file.path for file in self._files)

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors."""
        return sum(entry.end - entry.begin for _, entry in self._homes.values())

    def names(self) -> Sequence[str]:
        """All tensors, file by file in the order of their data."""
        return tuple(self._homes)

    def __contains__(self, name: object) -> bool:
        return name in self._homes

    def info(self, name: str) -> TensorInfo:
        """Shape, dtype and file. Raises WeightFileError naming the nearest names where there is no such tensor."""
        file, entry = self._home(name)
        return TensorInfo(name, entry.shape, entry.dtype, file.path)

    def read(self, name: str, rows: slice | None = None, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """A new array: the tensor, or rows [start:stop] of its first axis. BF16 arrives as uint16."""
        info = _shaped(self.info(name), shape)
        start, stop = _range(info, rows)
        out = np.empty(info.shape if rows is None else (stop - start, *info.shape[1:]), info.array_dtype)
        self.read_into(name, out, rows, shape)
        return out

    def read_into(
        self, name: str, out: NDArray[Any], rows: slice | None = None, shape: tuple[int, ...] | None = None
    ) -> None:
        """Reads into `out`: C-contiguous, of `info(name).array_dtype`, with as many elements as the rows have."""
        info = _shaped(self.info(name), shape)
        file, entry = self._homes[name]
        start, stop = _range(info, rows)
        row_bytes = info.nbytes if not info.shape else prod(info.shape[1:]) * info.array_dtype.itemsize
        needed = (stop - start) * row_bytes
        if out.dtype != info.array_dtype or out.nbytes != needed or not out.flags.c_contiguous:
            raise UsageError(
                f"{shown(name)} needs a contiguous buffer of {needed} bytes of {info.array_dtype}, and was given "
                f"{out.nbytes} bytes of {out.dtype}."
            )
        if needed:
            _fill(file, entry.begin + start * row_bytes, out.reshape(-1).view(np.uint8).data, name)

    def map(self, name: str) -> NDArray[np.uint8]:
        """The tensor's bytes in a mapping of its file. Raises WeightFileError where the file is not the one that was
        checked or cannot be mapped."""
        file, entry = self._home(name)
        if file.path not in self._maps:
            self._maps[file.path] = _mapped(file, name)
        return self._maps[file.path][entry.begin : entry.end]

    def extent(self, name: str) -> Extent:
        """Where the tensor's bytes lie."""
        file, entry = self._home(name)
        return Extent(file.path, entry.begin, entry.end - entry.begin, file.identity)

    def close(self) -> None:
        """Ends the index. No file is open between reads, so this only makes later reads an error."""
        self._closed = True
        self._maps = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _home(self, name: str) -> tuple[CheckedFile, Entry]:
        if self._closed:
            raise UsageError(f"The checkpoint is closed, so {shown(name)} cannot be read; open it again.")
        home = self._homes.get(name)
        if home is None:
            raise self.missing([name])
        return home

    def missing(self, names: Iterable[str]) -> WeightFileError:
        """The error for tensors that a model needs and that are not here; it names those most like the first."""
        absent = list(names)
        where = (
            str(self._files[0].path.parent if len(self._files) > 1 else self._files[0].path) if self._files else "()"
        )
        what = f"tensor {shown(absent[0])}" if len(absent) == 1 else f"{len(absent)} tensors: {_some(absent)}"
        # Comparing with each of a large model's names would take seconds; the alike ones share their beginning or end.
        known = sorted(self._homes, key=lambda name: -_alike(name, absent[0]))[:200]
        near = _some(nearest(absent[0], known)[:3])
        hint = f" Nearest there: {near}." if near else " It holds no tensor at all."
        return WeightFileError(f"{where} lacks {what}.{hint} The file is not of this architecture, or incomplete.")


def _some(names: Sequence[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + rest


def _alike(one: str, other: str) -> int:
    return _shared(one, other) + _shared(one[::-1], other[::-1])


def _shared(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def opened(path: Path) -> int:
    """A descriptor of a file that should hold weights. Raises MissingFile or WeightFileError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not hang us
    except FileNotFoundError:
        raise MissingFile(f"There is no file {path}; it should hold weights.") from None
    except OSError as error:
        raise WeightFileError(f"{path} cannot be opened: {error.strerror}.") from None
    if not path.is_file():
        os.close(descriptor)
        raise WeightFileError(f"{path} is not a file.")
    return descriptor


def _shaped(info: TensorInfo, shape: tuple[int, ...] | None) -> TensorInfo:
    """The same tensor as if it had another shape."""
    if shape is None:
        return info
    if prod(shape) != prod(info.shape):
        raise UsageError(f"{shown(info.name)} of shape {list(info.shape)} cannot be read as {list(shape)}.")
    return replace(info, shape=shape)


def _range(info: TensorInfo, rows: slice | None) -> tuple[int, int]:
    """First and last row, counted as Python counts; a tensor without axes is one row."""
    count = info.shape[0] if info.shape else 1
    if rows is None:
        return 0, count
    if not info.shape or rows.step not in (None, 1):
        raise UsageError(f"{shown(info.name)} of shape {list(info.shape)} cannot be read by rows {rows}; step 1 only.")
    start, stop, _ = rows.indices(count)
    return start, max(start, stop)


def _again(file: CheckedFile, name: str) -> int:
    """A descriptor of the file. Raises WeightFileError where it is not the one that was checked."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise WeightFileError(
            f"{file.path} cannot be opened any more ({error.strerror}); {shown(name)} is unread."
        ) from None
    if identity_of(descriptor) != file.identity:
        os.close(descriptor)
        raise WeightFileError(f"{file.path} changed while it was loading; do not change a model that is loading.")
    return descriptor


def _mapped(file: CheckedFile, name: str) -> NDArray[np.uint8]:
    descriptor = _again(file, name)
    try:
        mapping = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    except (OSError, ValueError) as error:
        raise WeightFileError(f"{file.path} cannot be mapped into memory ({error}); {shown(name)} is unread.") from None
    finally:
        os.close(descriptor)
    # Large pages where the file system has them, and reading ahead: the whole of it will be wanted.
    for wish in ("MADV_HUGEPAGE", "MADV_WILLNEED"):
        if hasattr(mmap, wish):
            with suppress(OSError):
                mapping.madvise(getattr(mmap, wish))
    return np.frombuffer(mapping, np.uint8)


def _fill(file: CheckedFile, offset: int, buffer: memoryview, name: str) -> None:
    """Reads exactly the buffer. Raises WeightFileError where the file is not the one that was checked."""
    descriptor = _again(file, name)
    try:
        done = 0
        while done < len(buffer):
            got = os.preadv(descriptor, [buffer[done : done + _PIECE]], offset + done)
            if got == 0:
                raise WeightFileError(f"{file.path} became shorter while {shown(name)} was read.")
            done += got
    except OSError as error:
        if isinstance(error, WeightFileError):
            raise
        raise WeightFileError(f"{file.path}: {shown(name)} cannot be read ({error.strerror}).") from None
    finally:
        os.close(descriptor)
