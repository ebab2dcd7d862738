"""Experts that stay in their file: which of them memory has room for, where each lies, and what reading them cost.

The C++ side (src/expert_store.cpp) reads them when a step needs them. Knows a traced program's parts, by address, and
nothing of how a step runs.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import library
from causerie.backends.native.abi import Op
from causerie.backends.native.arena import Arena
from causerie.backends.native.line import Line
from causerie.backends.native.program import PART, STORED_EXPERT, STORED_MATRIX, STORED_PIECE, StoreArguments
from causerie.backends.ops import ExpertReads
from causerie.checkpoint.extent import Extent
from causerie.errors import BackendUnavailable, OutOfMemory

PAGE = 4096  # bytes, at multiples of which files are read past the system's cache, into multiples of which
READERS = 4  # threads: a disk is fastest when it is asked for several stretches at once


@dataclass(frozen=True)
class _Piece:
    """A stretch of a file, and where it comes to lie in a slot."""

    path: Path
    begin: int
    end: int
    at: int

    @property
    def first(self) -> int:
        """Its page's begin."""
        return self.begin // PAGE * PAGE

    @property
    def size(self) -> int:
        """Of all pages that it touches."""
        return -(-self.end // PAGE) * PAGE - self.first


@dataclass(frozen=True)
class _Expert:
    """The matrices of one expert, each with its place in a slot, and the stretches that they are read by."""

    places: Mapping[str, int]
    pieces: tuple[_Piece, ...]

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.pieces)


class ExpertStore:
    """Of the experts whose matrices lie at `extents`, by name, in the order in which layers use them, as many as `room`
    bytes hold are in memory."""

    def __init__(self, extents: Mapping[str, Extent], room: int) -> None:
        """Raises OutOfMemory where there is no room for all experts of one layer, which a long prompt uses at once;
        WeightFileError where a file is not the one that was checked."""
        groups: dict[str, dict[str, Extent]] = {}
        for name, extent in extents.items():
            groups.setdefault(name.rpartition(".")[0], {})[name] = extent
        self._experts = [_expert(group) for group in groups.values()]
        self._slot_bytes = max(expert.size for expert in self._experts)
        layers = Counter(prefix.rpartition(".")[0] for prefix in groups)
        most = max(layers.values())
        # The number of each layer's first expert, counted over all, by what the names of its experts begin with.
        self.layers = dict(zip(layers, accumulate(layers.values(), initial=0), strict=False))
        self._slots = min(len(self._experts), room // self._slot_bytes)
        if self._slots < most:
            raise OutOfMemory(
                f"{room / 1e6:,.1f} MB are there for experts, and the {most} of one layer need "
                f"{most * self._slot_bytes / 1e6:,.1f}, as a long prompt uses them all. Close other programs, take a "
                "smaller cache (max_cache_tokens), or set expert_memory higher."
            )
        self._memory = Arena(self._slots * self._slot_bytes, "the experts in memory")
        self._address = self._memory.take(self._slots * self._slot_bytes)
        files = {extent.path: extent for extent in extents.values()}
        self._files = {path: extent.open() for path, extent in files.items()}
        self._ending = weakref.finalize(self, _end, None, tuple(self._files.values()))
        self._store: int | None = None

    def connect(self, lines: Sequence[Line], instructions: NDArray[np.void], parts: NDArray[np.void]) -> int:
        """Says in which parts of a program the matrices are named. The address of the C++ side, which writes to the
        parts; both must live as long as the program is run. Raises BackendUnavailable where threads are lacking."""
        pieces: NDArray[np.void] = np.zeros(sum(len(expert.pieces) for expert in self._experts), STORED_PIECE)
        every = (piece for expert in self._experts for piece in expert.pieces)
        for row, piece in zip(pieces, every, strict=True):
            row["begin"], row["bytes"], row["at"] = piece.first, piece.size, piece.at
            row["needed"], row["file"] = piece.end - piece.first, self._files[piece.path]
        addresses = dict(_addresses(lines, instructions, parts))
        matrices: NDArray[np.void] = np.zeros(sum(len(expert.places) for expert in self._experts), STORED_MATRIX)
        places = (place for expert in self._experts for place in expert.places.items())
        for row, (name, at) in zip(matrices, places, strict=True):
            row["part"], row["at"] = addresses[name], at
        experts: NDArray[np.void] = np.zeros(len(self._experts), STORED_EXPERT)
        for field, counts in (
            ("piece", [len(expert.pieces) for expert in self._experts]),
            ("matrix", [len(expert.places) for expert in self._experts]),
        ):
            experts[f"{field}_count"], experts[f"first_{field}"] = counts, [0, *accumulate(counts[:-1])]
        arguments = StoreArguments(
            pieces=pieces.ctypes.data,
            matrices=matrices.ctypes.data,
            experts=experts.ctypes.data,
            memory=self._address,
            slot_bytes=self._slot_bytes,
            expert_count=len(experts),
            slots=self._slots,
            readers=READERS,
        )
        self._store = library.kernels().causerie_store_new(ctypes.byref(arguments))
        if self._store is None:
            raise BackendUnavailable(f"The system refused {READERS} threads that read experts. Close other programs.")
        # Tables, memory and files are used until the last thread has ended.
        self._ending.detach()
        descriptors = tuple(self._files.values())
        self._ending = weakref.finalize(
            self, _end, self._store, descriptors, (pieces, matrices, experts, parts), self._memory
        )
        self._ending.atexit = False
        return self._store

    @property
    def reads(self) -> ExpertReads:
        """What was read so far."""
        counts = np.zeros(4, np.int64)
        if self._store is not None:
            library.kernels().causerie_store_counts(self._store, counts.ctypes.data)
        hits, misses, early, nbytes = (int(each) for each in counts)
        return ExpertReads(len(self._experts), self._slots, hits, misses, early, nbytes)


def _expert(group: Mapping[str, Extent]) -> _Expert:
    """Matrices that lie next to each other, but for what fills up a page, are read together."""
    pieces: list[_Piece] = []
    places: dict[str, int] = {}
    for name, extent in sorted(group.items(), key=lambda each: (each[1].path, each[1].begin)):
        begin, end = extent.begin, extent.begin + extent.nbytes
        last = pieces[-1] if pieces else None
        if last is not None and last.path == extent.path and 0 <= begin - last.end < PAGE:
            pieces[-1] = _Piece(last.path, last.begin, end, last.at)
        else:
            pieces.append(_Piece(extent.path, begin, end, sum(piece.size for piece in pieces)))
        places[name] = pieces[-1].at + begin - pieces[-1].first
    return _Expert(places, tuple(pieces))


def _addresses(
    lines: Sequence[Line], instructions: NDArray[np.void], parts: NDArray[np.void]
) -> Iterator[tuple[str, int]]:
    for line, instruction in zip(lines, instructions, strict=True):
        if line.op is Op.EXPERT_LINEAR:
            for i, linear in enumerate(line.parts, int(instruction["first_part"])):
                yield linear.weight.name, parts.ctypes.data + i * PART.itemsize


def _end(store: int | None, descriptors: Iterable[int], *_memory: object) -> None:
    if store is not None:
        library.kernels().causerie_store_free(store)
    for descriptor in descriptors:
        os.close(descriptor)
