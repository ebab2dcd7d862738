"""The native backend: weights in one arena, kernels on a pool of threads that lives as long as it does.

Knows no checkpoint and no model; `forward` is handed to it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import prepared
from causerie.backends.native.abi import Layout
from causerie.backends.native.arena import Arena, aligned
from causerie.backends.native.executable import NativeExecutable
from causerie.backends.native.lossless import LosslessMatrix, likely_bytes, most_bytes
from causerie.backends.native.machine import Machine
from causerie.backends.native.program import BLOCK, PANEL, Packing, format_number, number
from causerie.backends.native.quantized import held_bytes, packing_of, panels_bytes, slice_rows, write_table
from causerie.backends.native.trace import Placed
from causerie.backends.ops import PACKINGS, CacheShape, Passes
from causerie.errors import EngineError, unknown
from causerie.quant.format import Buffers
from causerie.quant.formats import QUANTIZED, format_named
from causerie.quant.weight import Weight
from causerie.spec.decoder import EMBEDDING, Decoder
from causerie.spec.ops import Weights

SLICE_BYTES = 8 * 2**20  # how much of a tensor is in memory twice while it is placed
PACKS = ("avx512_bf16", "avx512")  # where packed bfloat16 is faster than plain: measured, see LOG.md
DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}


def usable_cores() -> int:
    """How many cores the system lets this process use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class NativeBackend:
    """Implements `causerie.backends.ops.Backend` with our kernels on the CPU."""

    name = "native"
    device = "cpu"
    block_size = BLOCK
    layout_version = prepared.LAYOUT_VERSION

    def __init__(
        self, threads: int | None = None, instruction_set: str | None = None, packing: str | None = None
    ) -> None:
        """`threads` defaults to the usable cores, `instruction_set` to the fastest that can run. `packing` is how
        bfloat16 matrices are held: "lossless" in 12 bits a weight, "none" in 16, "auto" (also when None) as is faster;
        results are the same to the last bit. Raises BackendUnavailable, UnknownName or UsageError."""
        packing = packing or "auto"
        if packing not in PACKINGS:
            raise unknown("packing", packing, PACKINGS)
        self.machine = Machine(usable_cores() if threads is None else threads, instruction_set)
        self._packs = packing == "lossless" or (packing == "auto" and self.machine.instruction_set.name in PACKS)
        self._arena: Arena | None = None
        self._formats: dict[str, str] = {}
        self._rows_only: str | None = None  # the matrix that is only ever read by row

    def reserve(self, spec: Decoder, formats: Mapping[str, str]) -> None:
        """One arena for all weights. Raises OutOfMemory, or UnknownName for a format that is not known."""
        for format in formats.values():
            format_named(format)
        placed = [(weight.name, weight.shape) for weight in spec.weights() if weight.name in formats]
        self._rows_only = None if spec.tied else EMBEDDING
        self._formats = dict(formats)
        self._arena = None
        most = sum(aligned(self._most_bytes(name, shape)) for name, shape in placed)
        likely = sum(aligned(self._likely_bytes(name, shape)) for name, shape in placed)
        self._arena = Arena(most, "the model", likely)

    def place(self, name: str, shape: tuple[int, ...], rows: Callable[[int, int], NDArray[Any]], stored: str) -> Weight:
        """Packs the tensor slice by slice. Vectors become float32, padded with zeros to whole panels."""
        if self._arena is None or name not in self._formats:
            raise EngineError(f"Weight {name!r} is placed without having been reserved.")
        format, layout, before = self._format(name, shape), self._layout(name, shape), self._arena.used
        packed = LosslessMatrix(self._arena, shape) if layout is Layout.PACKED else None
        address = packed.address if packed else self._arena.take(self._most_bytes(name, shape))
        width = shape[1] if len(shape) == 2 else 1
        slice_rows = max(1, SLICE_BYTES // (width * PANEL * 4)) * PANEL
        for first in range(0, shape[0], slice_rows):
            part = np.ascontiguousarray(rows(first, min(first + slice_rows, shape[0])))
            self._pack(part, stored, Packing(target=address, first=first, width=width), format, layout, packed)
        memory = self._arena.since(before)
        placed = Placed(address, layout, memory, None if packed is None else packed.table)
        return Weight(name, shape, format, placed, memory.nbytes)

    def place_quantized(
        self, name: str, shape: tuple[int, int], format: str, read: Callable[[int, int], Buffers]
    ) -> Weight:
        """Arranges the arrays slice by slice."""
        if self._arena is None or self._formats.get(name) != format:
            raise EngineError(f"Weight {name!r} is placed without having been reserved as {format}.")
        size, before = panels_bytes(format, shape), self._arena.used
        address = self._arena.take(size)
        write_table(format, address)
        step = slice_rows(format, shape[1], SLICE_BYTES)
        for first in range(0, shape[0], step):
            last = min(first + step, shape[0])
            packing, kept = packing_of(format, read(first, last), address, first, last - first, shape[1])
            self.machine.pack(packing)
            del kept
        return Weight(name, shape, format, Placed(address, Layout.PANELS, self._arena.since(before)), size)

    def place_prepared(
        self, name: str, shape: tuple[int, int], format: str, layout: str, memory: NDArray[np.uint8]
    ) -> Weight:
        """Uses the matrix where it lies; see prepared.py."""
        by_rows = name == self._rows_only
        placed = prepared.mapped(name, shape, format, layout, memory, by_rows=by_rows)
        return Weight(name, shape, format, placed, len(memory))

    def compile(
        self, spec: Decoder, weights: Weights, passes: Passes, cache: CacheShape, max_tokens: int
    ) -> NativeExecutable:
        """Traces the pass to logits and makes room for the cache. Raises OutOfMemory."""
        self._arena = None  # the weights hold it from here on
        return NativeExecutable(self.machine, spec, weights, passes, cache, max_tokens)

    def _format(self, name: str, shape: tuple[int, ...]) -> str:
        return self._formats[name] if len(shape) == 2 else "float32"

    def _layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        format = self._format(name, shape)
        # A tied table must serve as the head; alone it is only ever read by row.
        if name == self._rows_only and format not in QUANTIZED:
            return Layout.ROWS
        packs = self._packs and len(shape) == 2 and format == "bfloat16"
        return Layout.PACKED if packs else Layout.PANELS

    def _most_bytes(self, name: str, shape: tuple[int, ...]) -> int:
        """Bytes of a weight as held, at most."""
        layout = self._layout(name, shape)
        return most_bytes(shape) if layout is Layout.PACKED else held_bytes(self._format(name, shape), layout, shape)

    def _likely_bytes(self, name: str, shape: tuple[int, ...]) -> int:
        packs = self._layout(name, shape) is Layout.PACKED
        return likely_bytes(shape) if packs else self._most_bytes(name, shape)

    def _pack(
        self,
        array: NDArray[Any],
        stored: str,
        packing: ctypes.Structure,
        format: str,
        layout: Layout,
        packed: LosslessMatrix | None,
    ) -> None:
        if array.dtype != DTYPES[stored]:
            raise EngineError(f"A weight stored as {stored} was read as {array.dtype}; {DTYPES[stored]} was expected.")
        packing.source, packing.rows = array.ctypes.data, array.shape[0]
        packing.source_format, packing.target_format = format_number(stored), format_number(format)
        packing.layout = number(layout)
        if packed is not None:
            self.machine.measure(packing)
            packed.make_room(packing.first, packing.rows)
        self.machine.pack(packing)
