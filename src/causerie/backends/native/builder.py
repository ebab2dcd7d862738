"""A model on its way into the native backend: its weights in one arena, then its program; or one matrix after the other
on its way into a file.

Knows no checkpoint; `forward` is handed to it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import prepared
from causerie.backends.native.abi import Layout
from causerie.backends.native.arena import Arena, aligned
from causerie.backends.native.cache import LayerCaches
from causerie.backends.native.executable import NativeExecutable
from causerie.backends.native.expert_store import ExpertStore
from causerie.backends.native.line import Placement
from causerie.backends.native.lossless import LosslessMatrix, likely_bytes, most_bytes
from causerie.backends.native.machine import Machine
from causerie.backends.native.program import PANEL, Packing, format_number, number
from causerie.backends.native.quantized import Arranging, code_bytes, held_bytes
from causerie.backends.native.records import RecordBatch, taken_from
from causerie.backends.ops import CacheShape, Executable, Forward, KernelMatrix, check_transform
from causerie.checkpoint.extent import Extent
from causerie.errors import EngineError
from causerie.quant.format import Buffers
from causerie.quant.formats import QUANTIZED, format_named
from causerie.quant.gguf_records import StoredRecords
from causerie.quant.transform import Transform
from causerie.quant.weight import Weight
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Weights

SLICE_BYTES = 8 * 2**20  # how much of a tensor is in memory twice while it is placed
BATCH_BYTES = 2**29
"""Of files that are read in one call: as often progress can be told of."""
DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}


class NativeBuilder:
    """Implements causerie.backends.ops' `PreparedBuilder`, `RecordBuilder` and `SharingBuilder`, and Arranger of the
    same where it keeps weights `apart`: each in memory of its own, taken when it is placed. `packs` says that bfloat16
    matrices are held in 12 bits."""

    def __init__(
        self, machine: Machine, spec: Decoder, formats: Mapping[str, str], *, packs: bool, apart: bool = False
    ) -> None:
        """Takes the memory. Raises OutOfMemory, or UnknownName for a format that is not known."""
        for format in formats.values():
            format_named(format)
        self._machine = machine
        self._spec = spec
        self._formats = dict(formats)
        self._packs = packs
        # The tables that are only ever read by row.
        self._rows_only = {weight.name for weight in spec.looked_up}
        weights = [(weight.name, weight.shape) for weight in spec.weights() if weight.name in formats]
        self._shared = None if apart else self._memory("the model", weights)
        self._batch = RecordBatch()  # of matrices whose memory is taken, and which are still to be read
        self._extents: dict[str, Extent] = {}  # of the matrices that stay in their file
        self._room = 0  # bytes of memory for these

    def place(self, name: str, shape: tuple[int, ...], rows: Callable[[int, int], NDArray[Any]], stored: str) -> Weight:
        """Packs the tensor slice by slice. Vectors become float32, padded with zeros to whole panels."""
        if name not in self._formats:
            raise EngineError(f"Weight {name!r} is placed, and the builder was not told of it.")
        arena = self._arena(name, shape)
        format, layout, before = self._format(name, shape), self._layout(name, shape), arena.length
        packed = LosslessMatrix(arena, shape) if layout is Layout.PACKED else None
        address = packed.address if packed else arena.take(self._most_bytes(name, shape))
        width = shape[1] if len(shape) == 2 else 1
        slice_rows = max(1, SLICE_BYTES // (width * PANEL * 4)) * PANEL
        for first in range(0, shape[0], slice_rows):
            part = np.ascontiguousarray(rows(first, min(first + slice_rows, shape[0])))
            self._pack(part, stored, Packing(target=address, first=first, width=width), format, layout, packed)
        memory = arena.since(before)
        placement = Placement(address, layout, memory, None if packed is None else packed.table)
        return Weight(name, shape, format, placement, memory.nbytes)

    def place_quantized(
        self,
        name: str,
        shape: tuple[int, int],
        format: str,
        read: Callable[[int, int], Buffers],
        transform: Transform | None = None,
    ) -> Weight:
        """Arranges the arrays slice by slice."""
        self._check_quantized(name, shape, format, transform)
        arranging = Arranging.of(format, shape[1])
        arena = self._arena(name, shape)
        size, before = code_bytes(arranging.panels, shape), arena.length
        address = arena.take(size)
        arranging.write_table(address)
        step = arranging.slice_rows(SLICE_BYTES)
        for first in range(0, shape[0], step):
            last = min(first + step, shape[0])
            packing, sources = arranging.packing(read(first, last), address, first, last - first)
            self._machine.pack(packing)
            del sources
        placement = Placement(address, Layout.PANELS, arena.since(before), panels=arranging.panels)
        return Weight(name, shape, format, placement, size, transform)

    def place_records(
        self, name: str, shape: tuple[int, int], records: StoredRecords, transform: Transform | None = None
    ) -> Weight | None:
        """See RecordBuilder: takes the memory, and reads many matrices at once."""
        format = records.kind.format.name
        self._check_quantized(name, shape, format, transform)
        arranging = Arranging.of(format, shape[1])
        if not taken_from(records, arranging):
            return None
        arena = self._arena(name, shape)
        size, before = code_bytes(arranging.panels, shape), arena.length
        address = arena.take(size)
        arranging.write_table(address)
        self._batch.add(records, arranging, address)
        if self._shared is None or self._batch.nbytes >= BATCH_BYTES:
            self.read_records()
        placement = Placement(address, Layout.PANELS, arena.since(before), panels=arranging.panels)
        return Weight(name, shape, format, placement, size, transform)

    def read_records(self) -> None:
        """See RecordBuilder."""
        self._batch.arrange(self._machine)

    def place_prepared(
        self,
        name: str,
        shape: tuple[int, int],
        format: str,
        layout: str,
        memory: NDArray[np.uint8],
        transform: Transform | None = None,
    ) -> Weight:
        """Uses the matrix where it lies; see prepared.py."""
        by_rows = name in self._rows_only
        placement = prepared.mapped(name, shape, format, layout, memory, by_rows=by_rows)
        return Weight(name, shape, format, placement, len(memory), transform)

    def leave_in_file(
        self,
        name: str,
        shape: tuple[int, int],
        format: str,
        layout: str,
        extent: Extent,
        room: int,
        transform: Transform | None = None,
    ) -> Weight:
        """Notes where it lies; see expert_store.py."""
        placement = prepared.left_in_file(name, shape, format, layout, extent)
        self._extents[name], self._room = extent, room
        return Weight(name, shape, format, placement, extent.nbytes, transform)

    def compile(self, weights: Weights, forward: Forward, cache: CacheShape, max_tokens: int) -> NativeExecutable:
        """Traces the pass and makes room for the cache. Raises OutOfMemory."""
        store = ExpertStore(self._extents, self._room) if self._extents else None
        caches = LayerCaches(self._spec, cache)
        return NativeExecutable(self._machine, self._spec, weights, forward, caches, max_tokens, store)

    def compile_beside(
        self, first: Executable, weights: Weights, forward: Forward, max_tokens: int
    ) -> NativeExecutable:
        """See SharingBuilder. Raises OutOfMemory, EngineError for an executable that was closed or is not of this
        backend."""
        if not isinstance(first, NativeExecutable):
            raise EngineError(f"A cache can be shared with a native executable, not with a {type(first).__name__}.")
        return NativeExecutable(self._machine, self._spec, weights, forward, first.caches, max_tokens)

    def arranged_bytes(self, name: str, shape: tuple[int, int]) -> int | None:
        """See Arranger: what is packed is as large as its numbers make it."""
        return None if self._layout(name, shape) is Layout.PACKED else aligned(self._most_bytes(name, shape))

    def arranged(self, weight: Weight) -> KernelMatrix:
        """See Arranger."""
        return prepared.kernel_matrix(weight)

    def _check_quantized(self, name: str, shape: tuple[int, int], format: str, transform: Transform | None) -> None:
        check_transform(transform, name, shape)
        if self._formats.get(name) != format:
            raise EngineError(f"Weight {name!r} is placed as {format}, and the builder was not told of it.")

    def _arena(self, name: str, shape: tuple[int, ...]) -> Arena:
        """Where a weight is placed."""
        return self._memory(f"the weight {name!r}", [(name, shape)]) if self._shared is None else self._shared

    def _memory(self, purpose: str, weights: Sequence[tuple[str, tuple[int, ...]]]) -> Arena:
        """An arena with room for these."""
        most = sum(aligned(self._most_bytes(name, shape)) for name, shape in weights)
        return Arena(most, purpose, sum(aligned(self._likely_bytes(name, shape)) for name, shape in weights))

    def _format(self, name: str, shape: tuple[int, ...]) -> str:
        return self._formats[name] if len(shape) == 2 else "float32"

    def _layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        format = self._format(name, shape)
        # A tied table must serve as the head; alone it is only ever read by row.
        if name in self._rows_only and format not in QUANTIZED:
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
            self._machine.measure(packing)
            packed.make_room(packing.first, packing.rows)
        self._machine.pack(packing)
